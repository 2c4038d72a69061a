"""Learning from another model, against the mean over keys, and what it composes."""

import dataclasses
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.windows import Windows
from tfmusic.errors import UserError
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import EOS
from tfmusic.training import checks
from tfmusic.training import run as runs
from tfmusic.training.interruption import Interruption, Signals
from tfmusic.training.key_ensemble import KeyEnsemble
from tfmusic.training.loss import token_nats
from tfmusic.training.step import TrainStep
from tfmusic.training.strategy import get_strategy
from tfmusic.training.teacher import Teacher, bring_teacher, load_teacher
from tfmusic.training.trainer import train

BEST = {"step": 1, "nats_per_token": 1.0}
KEYS = 3
FEATURES = ("beat",)
SPLITS = {"train": make_pieces(40, 30), "validation": make_pieces(20, seed=1)}


def make_model(seed, **changes):
    keras.utils.set_random_seed(seed)
    model = MusicDecoder(**dataclasses.asdict(dataclasses.replace(MODEL, **changes)))
    for variable in model.trainable_variables:  # so that keys differ
        variable.assign(variable + 0.5 * keras.random.normal(variable.shape))
    return model


@pytest.fixture(scope="module")
def teacher_dir(tmp_path_factory):
    """A run's folder, whose model draws EOS often enough."""
    folder = str(tmp_path_factory.mktemp("teacher"))
    runs.write_settings(folder, MODEL, TRAIN, TOKENIZER)
    runs.save_best(make_model(3), folder, BEST)
    return folder


def taught(teacher_dir, **changes):
    return dataclasses.replace(TRAIN, teacher=teacher_dir, **changes)


def make_batch():
    windows = Windows(make_pieces(40, 30), TOKENIZER, ("beat",), TRAIN.length)
    index = tf.constant([0, 1], tf.int64)
    none = tf.zeros(2, tf.int64)
    return windows.cut(index, none, tf.zeros(2, tf.int32), none)


def key_of(seed, draw):
    return int(
        tf.random.stateless_uniform(
            [], [seed, draw], maxval=KEYS, dtype=tf.int32, alg="philox"
        )
    )


def test_its_mean_over_keys_is_the_loss_of_the_ensembles_mean():
    model, student = make_model(3), make_model(4)
    inputs, targets, _ = make_batch()
    logits = student(inputs, training=False)
    nats = token_nats(logits, targets)
    teacher = Teacher(model, TOKENIZER, KEYS, weight=0.25, seed=5)
    losses = {}
    for draw in range(30):
        losses.setdefault(key_of(5, draw), []).append(
            teacher.blend(nats, inputs, logits, tf.constant(draw)).numpy()
        )
    assert sorted(losses) == [0, 1, 2]
    for of_key in losses.values():
        np.testing.assert_array_equal(of_key, [of_key[0]] * len(of_key))
    mean = np.mean([of_key[0] for of_key in losses.values()], axis=0)
    # The pieces are far from the range's ends, so that keys lack hardly anything.
    expected = tf.nn.softmax(KeyEnsemble(model, TOKENIZER, KEYS)(inputs)).numpy()
    crossed = -(expected * tf.nn.log_softmax(logits).numpy()).sum(-1)
    np.testing.assert_allclose(mean, 0.75 * nats + 0.25 * crossed, rtol=0.05)
    assert not np.allclose(mean, nats, rtol=0.1)


def test_a_student_of_itself_alone_has_no_gradient():
    model = make_model(3)
    inputs, targets, _ = make_batch()
    teacher = Teacher(model, TOKENIZER, keys=1, weight=1.0, seed=0)
    with tf.GradientTape() as tape:
        logits = model(inputs, training=False)
        nats = token_nats(logits, targets)
        loss = tf.reduce_sum(teacher.blend(nats, inputs, logits, tf.constant(0)))
    for gradient in tape.gradient(loss, model.trainable_variables):
        np.testing.assert_allclose(tf.convert_to_tensor(gradient), 0, atol=1e-5)


@pytest.mark.parametrize(
    ("strategy_name", "xla", "accumulation"),
    [("one_device", True, 1), ("one_device", False, 2), ("mirrored", False, 1)],
)
def test_a_step_takes_the_gradient_of_both(strategy_name, xla, accumulation):
    strategy = get_strategy(strategy_name)
    replicas = strategy.num_replicas_in_sync
    with strategy.scope():
        teacher = Teacher(make_model(3), TOKENIZER, KEYS, weight=0.75, seed=0)
        student = make_model(4)
        optimizer = keras.optimizers.SGD(1.0)
        optimizer.build(student.trainable_variables)
    batch = make_batch()
    inputs, targets, weights = batch
    before = [variable.numpy() for variable in student.trainable_variables]
    taught_before = [variable.numpy() for variable in teacher._ensemble.model.variables]
    total = float(tf.reduce_sum(weights))
    with tf.GradientTape() as tape:
        loss = 0.0
        for draw in range(parts := accumulation * replicas):
            rows = slice(draw * 2 // parts, (draw + 1) * 2 // parts)
            mine = {name: values[rows] for name, values in inputs.items()}
            logits = student(mine, training=True)
            nats = token_nats(logits, targets[rows])
            blended = teacher.blend(nats, mine, logits, tf.constant(draw))
            loss += tf.reduce_sum(blended * weights[rows]) / total
    variables = [variable.value for variable in student.trainable_variables]
    expected = tape.gradient(loss, variables)
    step = TrainStep(
        *(student, optimizer, 0.0),
        xla=xla,
        accumulation=accumulation,
        teacher=teacher,
    )
    dataset = tf.data.Dataset.from_tensors(batch).unbatch().batch(2 // replicas)
    per_replica = next(
        iter(strategy.distribute_datasets_from_function(lambda _: dataset))
    )
    nats, *_ = tf.function(strategy.run)(step.train_step, args=(per_replica,))
    for old, variable, gradient in zip(
        before, student.trainable_variables, expected, strict=True
    ):
        np.testing.assert_allclose(
            old - variable.numpy(), tf.convert_to_tensor(gradient), rtol=1e-3, atol=1e-5
        )
    for old, variable in zip(
        taught_before, teacher._ensemble.model.variables, strict=True
    ):
        np.testing.assert_array_equal(old, variable.numpy())
    # What is logged is the music's alone.
    for variable, old in zip(student.trainable_variables, before, strict=True):
        variable.assign(old)
    alone = token_nats(student(inputs, training=False), targets) * weights
    reduced = strategy.reduce("sum", nats, axis=None)
    np.testing.assert_allclose(reduced, tf.reduce_sum(alone), rtol=1e-4)


def test_a_run_that_goes_on_equals_an_unbroken_one_without_the_first_copy(
    teacher_dir, tmp_path
):
    moved = tmp_path / "moved"
    shutil.copytree(teacher_dir, moved)
    config = taught(
        str(moved),
        teacher_keys=KEYS,
        teacher_pieces=3,
        checkpoint_every=2,
        optimizer="muon",
        ema=0.9,
    )
    strategy = tf.distribute.get_strategy()

    def run(folder, **changes):
        changed = dataclasses.replace(config, **changes)
        return train(MODEL, changed, TOKENIZER, SPLITS, str(folder), strategy)

    unbroken = run(tmp_path / "unbroken", steps=4)
    run(tmp_path / "broken", steps=2)
    shutil.rmtree(moved)
    best = run(tmp_path / "broken", steps=4)
    assert best["nats_per_token"] == unbroken["nats_per_token"]
    assert run(tmp_path / "unbroken", steps=4) == {**unbroken, "tokens_per_second": 0}

    (tmp_path / "broken" / "teacher" / "config.json").unlink()
    with pytest.raises(UserError, match="teacher is gone"):
        run(tmp_path / "broken", steps=6)


def test_training_depends_on_the_teacher_and_on_what_it_composes(teacher_dir, tmp_path):
    strategy = tf.distribute.get_strategy()

    def nats(name, **changes):
        config = dataclasses.replace(TRAIN, **changes)
        folder = str(tmp_path / name)
        best = train(MODEL, config, TOKENIZER, SPLITS, folder, strategy)
        return best["nats_per_token"]

    scores = {
        nats("alone"),
        nats("taught", teacher=teacher_dir),
        nats("both", teacher=teacher_dir, teacher_pieces=3),
    }
    assert len(scores) == 3


def test_composed_pieces_end_where_the_teacher_ended_them(teacher_dir, tmp_path):
    config = taught(teacher_dir, teacher_pieces=70)
    split = make_pieces(24, 8)
    folder = str(tmp_path / "run")
    bring_teacher(split, config, TOKENIZER, folder, FEATURES, lambda line: None)
    _, composed = load_teacher(config, TOKENIZER, folder, FEATURES)
    assert len(composed) == 70
    longest = 20  # the quantile of 8 and 24
    lengths = np.diff(composed.offsets)
    assert lengths.max() == longest
    np.testing.assert_array_equal(composed.unfinished, lengths == longest)
    assert 0 < composed.unfinished.sum() < 70
    both = split.followed_by(composed)
    assert len(both) == 72 and not both.unfinished[:2].any()
    np.testing.assert_array_equal(both.ids[:32], split.ids)
    np.testing.assert_array_equal(both.piece(2), composed.piece(0))


def test_pieces_composed_without_warmth_are_all_the_likeliest(teacher_dir, tmp_path):
    config = taught(teacher_dir, teacher_pieces=2, teacher_temperature=1e-4)
    folder = str(tmp_path / "run")
    bring_teacher(make_pieces(8), config, TOKENIZER, folder, FEATURES, str)
    _, composed = load_teacher(config, TOKENIZER, folder, FEATURES)
    assert composed.piece(0).size
    np.testing.assert_array_equal(composed.piece(0), composed.piece(1))


def test_a_signal_while_it_composes_ends_the_training(
    teacher_dir, tmp_path, monkeypatch
):
    def received(self, *_):
        self._note(15)
        checked(self)

    checked = Signals.check
    monkeypatch.setattr(Signals, "check", received)
    config = taught(teacher_dir, teacher_pieces=2)
    with pytest.raises(Interruption) as caught:
        bring_teacher(make_pieces(8), config, TOKENIZER, str(tmp_path), FEATURES, str)
    assert caught.value.exit_code == 75
    assert "before the first step" in str(caught.value)
    assert not os.path.exists(tmp_path / "teacher" / "composed.npz")


def test_what_is_unfinished_is_not_said_to_end():
    pieces = make_pieces(6, 6)
    cut = dataclasses.replace(pieces, unfinished=np.array([False, True]))
    windows = Windows(cut, TOKENIZER, ("beat",), 16)
    none = tf.zeros(2, tf.int64)
    index = tf.constant([0, 1], tf.int64)
    _, targets, weights = windows.cut(index, none, tf.zeros(2, tf.int32), none)
    assert (targets.numpy() == EOS).sum(axis=1).tolist() == [1, 0]
    assert weights.numpy().sum(axis=1).tolist() == [7, 6]
    np.testing.assert_array_equal(targets[1, :6], pieces.piece(1))


def test_unfinished_pieces_stay_so(tmp_path):
    pieces = dataclasses.replace(make_pieces(3, 4), unfinished=np.array([True, False]))
    path = str(tmp_path / "pieces.npz")
    pieces.save(path)
    assert Pieces.load(path).unfinished.tolist() == [True, False]
    assert pieces.take([1, 0]).unfinished.tolist() == [False, True]
    both = make_pieces(3).followed_by(pieces)
    assert both.unfinished.tolist() == [False, True, False]


def test_what_can_not_teach_is_refused_in_one_line_before_it_is_copied(
    teacher_dir, tmp_path
):
    folder = str(tmp_path)

    def bring(config, features=FEATURES):
        bring_teacher(make_pieces(8), config, TOKENIZER, folder, features, str)

    with pytest.raises(UserError, match="reads the feature 'beat'"):
        bring(taught(teacher_dir), ("voice",))
    with pytest.raises(UserError, match="reads 16 tokens at most"):
        bring(taught(teacher_dir, length=17))
    source, changes = str(tmp_path / "source"), {"mixer": "fourier_convolution"}
    model_config = dataclasses.replace(MODEL, **changes)
    runs.write_settings(source, model_config, TRAIN, TOKENIZER)
    runs.save_best(make_model(3, **changes), source, BEST)
    with pytest.raises(UserError, match="'fourier_convolution' can't tell the pieces"):
        bring(taught(source, packing=True))
    assert not os.path.exists(os.path.join(folder, runs.TEACHER))


def test_settings_of_a_teacher_that_make_no_sense_are_refused(teacher_dir):
    with pytest.raises(UserError, match="teacher_pieces wants a teacher"):
        dataclasses.replace(TRAIN, teacher_pieces=1)
    with pytest.raises(UserError, match=r"teacher_weight=1\.5"):
        taught(teacher_dir, teacher_weight=1.5)
    with pytest.raises(UserError, match=r"teacher_temperature=0\.0"):
        taught(teacher_dir, teacher_temperature=0.0)
    with pytest.raises(UserError, match="teacher_keys=13"):
        taught(teacher_dir, teacher_keys=13)
    infiller = dataclasses.replace(MODEL, kind="infiller", mixer="full")
    with pytest.raises(UserError, match="an infiller can't learn from a teacher"):
        checks.check_settings(infiller, taught(teacher_dir), TOKENIZER, 1)
