"""One step: what it computes, however the batch is padded, cut or compiled."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.datasets.pipeline import training_batches
from tfmusic.datasets.windows import Windows
from tfmusic.models import MusicDecoder
from tfmusic.training.step import TrainStep, make_optimizer
from tfmusic.training.strategy import get_strategy


def make_model(dtype="float32", **changes):
    keras.utils.set_random_seed(0)
    config = dataclasses.replace(MODEL, **changes)
    return MusicDecoder(**dataclasses.asdict(config), dtype=dtype)


def make_step(model, optimizer=None, clip_norm=0.0, **options):
    """A step by plain gradient descent, whose update is the gradient itself."""
    optimizer = optimizer or keras.optimizers.SGD(1.0)
    return TrainStep(model, optimizer, clip_norm, **options)


def make_batch(batch_size=2, length=8):
    windows = Windows(make_pieces(60, 60), TOKENIZER, ("beat",), length)
    options = {"batch_size": batch_size, "seed": 0}
    return next(iter(training_batches(windows, **options)))


def update(step, batch):
    """Nats, weights and norm of a step, and how it moves each variable."""
    before = [variable.numpy() for variable in step.trainable_variables]
    nats, tokens, norm = step.train_step(batch)
    after = [variable.numpy() for variable in step.trainable_variables]
    moves = [new - old for new, old in zip(after, before, strict=True)]
    return float(nats), float(tokens), float(norm), moves


@pytest.fixture(scope="module")
def plain():
    """What a step computes from `make_batch()` without any option."""
    return update(make_step(make_model()), make_batch())


def norm_of(arrays):
    return np.sqrt(sum(np.sum(np.square(array)) for array in arrays))


def assert_all_close(arrays, expected, **tolerance):
    for array, other in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(array, other, **tolerance)


def test_padding_changes_neither_the_loss_nor_the_update(plain):
    batch = make_batch()
    padded = tf.nest.map_structure(lambda x: tf.pad(x, [[0, 2], [0, 8]]), batch)
    assert padded[2].shape == [4, 16] and tf.reduce_mean(padded[2]) == 0.25
    nats, tokens, _, moves = plain
    padded_nats, padded_tokens, _, padded_moves = update(
        make_step(make_model()), padded
    )
    assert tokens == padded_tokens == 16
    assert padded_nats == pytest.approx(nats, rel=1e-5)
    assert_all_close(padded_moves, moves, rtol=1e-4, atol=1e-6)


def test_the_loss_is_the_mean_over_tokens_and_not_over_rows():
    model = make_model()
    inputs, targets, _ = make_batch()
    weights = tf.constant([[1.0] * 8, [1.0] + [0.0] * 7])
    logits = model(inputs)
    expected = keras.losses.sparse_categorical_crossentropy(
        targets, logits, from_logits=True
    )
    nats, tokens, _, _ = update(make_step(model), (inputs, targets, weights))
    assert tokens == 9
    assert nats == pytest.approx(float(tf.reduce_sum(expected * weights)), rel=1e-5)


def test_clipping_limits_the_norm_and_keeps_the_direction(plain):
    batch = make_batch()
    _, _, norm, free = plain
    assert norm == pytest.approx(norm_of(free), rel=1e-4)
    _, _, same, clipped = update(make_step(make_model(), clip_norm=norm / 3), batch)
    assert same == pytest.approx(norm, rel=1e-5)
    assert_all_close(clipped, [move / 3 for move in free], rtol=1e-3, atol=1e-6)
    _, _, _, untouched = update(make_step(make_model(), clip_norm=norm * 3), batch)
    assert_all_close(untouched, free, rtol=1e-5, atol=1e-7)


def test_label_smoothing_is_in_the_update_and_not_in_the_nats(plain):
    nats, _, _, moves = plain
    smooth_nats, _, _, smooth_moves = update(
        make_step(make_model(), label_smoothing=0.2), make_batch()
    )
    assert smooth_nats == pytest.approx(nats, rel=1e-6)
    assert norm_of([a - b for a, b in zip(moves, smooth_moves, strict=True)]) > 1e-3


def test_xla_computes_the_same(plain):
    compiled = update(make_step(make_model(), xla=True), make_batch())
    np.testing.assert_allclose(compiled[:3], plain[:3], rtol=1e-5)
    assert_all_close(compiled[3], plain[3], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "xla": True}])
def test_micro_batches_add_up_to_the_batch(options):
    inputs, targets, _ = make_batch(batch_size=4)
    # Of different weight, so that a mean of means would be another number.
    weights = tf.sequence_mask([8, 1, 3, 5], 8, tf.float32)
    batch = (inputs, targets, weights)
    nats, tokens, norm, moves = update(make_step(make_model(), **options), batch)
    for accumulation in 2, 4:
        step = make_step(make_model(), accumulation=accumulation, **options)
        near_nats, near_tokens, near_norm, near_moves = update(step, batch)
        assert (near_tokens, tokens) == (17, 17)
        assert near_nats == pytest.approx(nats, rel=1e-5)
        assert near_norm == pytest.approx(norm, rel=1e-5)
        assert_all_close(near_moves, moves, rtol=1e-4, atol=1e-6)


def test_bfloat16_computes_nearly_the_same_and_keeps_float32_weights(plain):
    nats, _, _, moves = plain
    model = make_model("mixed_bfloat16")
    near_nats, _, _, near_moves = update(make_step(model), make_batch())
    assert near_nats == pytest.approx(nats, rel=0.02)
    assert norm_of([a - b for a, b in zip(near_moves, moves, strict=True)]) < (
        0.1 * norm_of(moves)
    )
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_weight_decay_acts_on_the_matrices_of_dense_layers_only(name):
    model = make_model(positions="learned", attention_bias=True)
    config = dataclasses.replace(
        TRAIN, optimizer=name, learning_rate=0.5, weight_decay=0.1
    )
    optimizer = make_optimizer(config)
    for variable in model.trainable_variables:
        variable.assign(tf.ones(variable.shape))
    optimizer.build(model.trainable_variables)
    optimizer.apply([tf.zeros(v.shape) for v in model.trainable_variables])
    values = {v.path: v.numpy() for v in model.trainable_variables}
    decayed = {path for path, value in values.items() if (value != 1).any()}
    assert decayed == {path for path in values if path.endswith("/kernel")}
    assert len(decayed) == 5  # queries to values, output, feed-forward's two, logits
    for path in decayed:
        np.testing.assert_allclose(values[path], 1 - 0.5 * 0.1, rtol=1e-6)


def test_muon_moves_the_layers_matrices_by_their_size_alone():
    """Each way about as far, whatever the gradient; AdamW moves each number so."""
    config = dataclasses.replace(TRAIN, optimizer="muon", weight_decay=0.0)
    model = make_model()
    optimizer = make_optimizer(config)
    optimizer.build(model.trainable_variables)
    *_, moves = update(make_step(model, optimizer), make_batch())
    by_muon = set()
    for variable, move in zip(model.trainable_variables, moves, strict=True):
        if "block_0/" in variable.path and variable.path.endswith("/kernel"):
            norms = np.linalg.svd(move, compute_uv=False)
            rate = 1e-2 * 0.2 * max(variable.shape) ** 0.5
            assert 0.6 * rate < norms.max() < 1.4 * rate, variable.path
            by_muon.add(variable.path)
        elif move.any():
            moved = np.abs(move[move != 0])
            np.testing.assert_allclose(moved, 1e-2, rtol=0.1)
    assert len(by_muon) == 4  # queries to values, output, feed-forward's two


def test_dropout_is_a_function_of_step_and_replica():
    strategy = get_strategy("mirrored")
    with strategy.scope():
        model = make_model(dropout=0.5)
        optimizer = keras.optimizers.SGD(0.0)
        optimizer.build(model.trainable_variables)
    step = make_step(model, optimizer)
    batch = make_batch(batch_size=1)  # both replicas get the same row

    @tf.function
    def nats_of_replicas():
        nats, _, _ = strategy.run(step.train_step, args=(batch,))
        return strategy.experimental_local_results(nats)

    nats = [tuple(map(float, nats_of_replicas())) for _ in range(2)]
    assert len({*nats[0], *nats[1]}) == 4
    optimizer.iterations.assign(0)
    assert [tuple(map(float, nats_of_replicas())) for _ in range(2)] == nats


def test_dropout_of_micro_batches_is_that_of_as_many_steps():
    model = make_model(dropout=0.5)
    inputs, targets, weights = make_batch(batch_size=4)

    def nats(accumulation, iterations, rows):
        optimizer = keras.optimizers.SGD(0.0)
        optimizer.build(model.trainable_variables)
        optimizer.iterations.assign(iterations)
        step = make_step(model, optimizer, accumulation=accumulation)
        parts = (inputs, targets, weights)
        return update(step, tf.nest.map_structure(lambda x: x[rows], parts))[0]

    halves = nats(1, 4, slice(2)), nats(1, 5, slice(2, 4))
    assert nats(2, 2, slice(4)) == pytest.approx(sum(halves), rel=1e-5)
    assert nats(1, 5, slice(2)) != pytest.approx(halves[0], rel=1e-3)
