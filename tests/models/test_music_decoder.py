import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tests.memory_mixers import MEMORY_MIXERS
from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.layers import TokenMixer, apply_update
from tfmusic.models import MusicDecoder, mixers, positions
from tfmusic.presets import PRESETS

TIME = 20  # longer than the longest distance and than the positions of training
CONFIG = ModelConfig(
    vocabulary_size=goldens.VOCABULARY_SIZE,
    num_layers=2,
    num_heads=2,
    hidden_dim=goldens.DIM,
    intermediate_dim=12,
    max_length=16,
    max_distance=7,
    features={"voice": goldens.VOICES},
    dropout=0.1,
)
MIXERS = [*sorted(mixers.MIXERS), ("causal", "relative_global")]
POSITIONS = ["none", *positions.POSITIONS]


def make(**changes):
    config = dataclasses.asdict(dataclasses.replace(CONFIG, **changes))
    model = MusicDecoder(**config)
    goldens.shake(model)
    return model


@pytest.fixture(scope="module")
def inputs():
    return goldens.tokens(2, TIME)


@pytest.fixture(scope="module")
def model():
    return make(mixer=("causal", "relative_global"), positions="learned")


@pytest.fixture(scope="module")
def logits(model, inputs):
    return model(inputs).numpy()


def part(inputs, start, stop):
    return {name: values[:, start:stop] for name, values in inputs.items()}


@pytest.mark.parametrize("positions", POSITIONS)
def test_equals_the_written_out_formula(positions, inputs):
    model = make(mixer=("causal", "relative_global"), positions=positions)
    weights = reference.weights_of(model)
    expected = [
        reference.decoder(
            {name: values[row] for name, values in inputs.items()},
            weights,
            model.config,
        )
        for row in range(2)
    ]
    np.testing.assert_allclose(model(inputs), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["tokens", "voice"])
@pytest.mark.parametrize("mixer", MIXERS, ids=str)
def test_causality_is_exact(mixer, name):
    """Row t differs in its token t alone; the logits before it are bit-equal."""
    model = make(mixer=mixer, positions="learned")
    inputs = {
        key: np.repeat(values, TIME, axis=0)
        for key, values in goldens.tokens(1, TIME).items()
    }
    values = inputs[name].copy()
    diagonal = np.arange(TIME), np.arange(TIME)
    values[diagonal] = (values[diagonal] + 1) % 5
    before, after = model(inputs).numpy(), model({**inputs, name: values}).numpy()
    for step in range(TIME):
        np.testing.assert_array_equal(after[step, :step], before[step, :step])
        assert np.all(after[step, step] != before[step, step])


@pytest.mark.parametrize("positions", POSITIONS)
def test_decoding_with_a_cache_equals_the_whole(positions, inputs):
    """At every position, in chunks and in single steps, with rows to spare."""
    model = make(mixer=("causal", "relative_global"), positions=positions)
    whole = model(inputs).numpy()
    for chunks in ([1] * 5, [3, 1, 8, 1, 5, 1, 1]):
        cache = model.init_cache(2, TIME + 4)
        position = 0
        for size in chunks:
            stop = position + size
            logits, update = model.extend(part(inputs, position, stop), cache, position)
            np.testing.assert_allclose(logits, whole[:, position:stop], atol=1e-4)
            cache = apply_update(cache, update, position, model.cache_kinds)
            position = stop


def test_a_graph_of_unknown_batch_cache_length_and_position(model, inputs, logits):
    """The form that exported graphs have: one trace, caches of every length."""

    @tf.function(autograph=False)
    def step(inputs, cache, position):
        return model.decode_step(inputs, cache, position)

    cache_spec = tf.nest.map_structure(
        lambda x: tf.TensorSpec([None, *x.shape[1:2], None, *x.shape[3:]], x.dtype),
        model.init_cache(1, 1),
    )
    token_spec = {name: tf.TensorSpec([None, 1], tf.int32) for name in inputs}
    step = step.get_concrete_function(
        token_spec, cache_spec, tf.TensorSpec([], tf.int32)
    )
    for batch, num_rows, prefilled in ((2, TIME, 0), (1, TIME + 9, 17)):
        rows = {name: tf.constant(values[:batch]) for name, values in inputs.items()}
        if prefilled:
            _, cache = model.prefill(part(rows, 0, prefilled), num_rows)
        else:
            cache = model.init_cache(batch, num_rows)
        for position in range(prefilled, TIME):
            one = part(rows, position, position + 1)
            next_logits, cache = step(one, cache, tf.constant(position))
            np.testing.assert_allclose(next_logits, logits[:batch, position], atol=1e-4)


def test_prefill_and_decode_step(model, inputs, logits):
    first, cache = model.prefill(part(inputs, 0, 6), max_length=TIME)
    np.testing.assert_allclose(first, logits[:, :6], atol=1e-4)
    tf.nest.assert_same_structure(cache, model.cache_kinds)
    assert {tensor.shape[-2] for tensor in tf.nest.flatten(cache)} == {TIME}
    for position in (6, 7):
        one = part(inputs, position, position + 1)
        next_logits, cache = model.decode_step(one, cache, position)
        assert next_logits.shape == (2, goldens.VOCABULARY_SIZE)
        np.testing.assert_allclose(next_logits, logits[:, position], atol=1e-4)


def test_rows_of_a_batch_know_nothing_of_each_other(model, inputs, logits):
    alone = {name: values[1:] for name, values in inputs.items()}
    np.testing.assert_allclose(model(alone), logits[1:], atol=1e-5)


def test_logits_are_float32_and_close_in_bfloat16(model, inputs, logits):
    half = MusicDecoder(**dataclasses.asdict(model.config), dtype="mixed_bfloat16")
    half.set_weights(model.get_weights())
    low, cache = half.prefill(inputs, TIME)
    assert low.dtype == half(inputs).dtype == tf.float32
    assert {tensor.dtype for tensor in tf.nest.flatten(cache)} == {tf.bfloat16}
    for outputs in (low, half(inputs)):
        assert np.abs(outputs - logits).max() < 0.05 * np.abs(logits).max()


def test_dropout_acts_in_training_alone(model, inputs, logits):
    np.testing.assert_array_equal(model(inputs, training=False), logits)
    dropped = [model(inputs, training=True).numpy() for _ in range(2)]
    assert not np.allclose(*dropped)


def test_inputs_may_hold_more_than_the_model_takes(model, inputs, logits):
    assert model.feature_names == ("voice",)
    more = {**inputs, "beat": inputs["voice"]}
    np.testing.assert_array_equal(model(more), logits)


@pytest.mark.parametrize("missing", ["tokens", "voice"])
def test_missing_inputs_are_named(model, inputs, missing):
    rest = {name: values for name, values in inputs.items() if name != missing}
    with pytest.raises(ValueError, match=rf"inputs lack \['{missing}'\]; got"):
        model(rest)
    with pytest.raises(ValueError, match=rf"inputs lack \['{missing}'\]; got"):
        model.extend(rest, model.init_cache(2, TIME), 0)


def test_what_a_mixer_reads_is_an_input_without_an_embedding(monkeypatch, inputs):
    monkeypatch.setattr(mixers, "MIXERS", {**mixers.MIXERS, **MEMORY_MIXERS})
    model = make(mixer=("causal", "voice_mean"), features={"beat": 3})
    assert model.feature_names == ("beat", "voice")
    assert set(model.feature_embeddings) == {"beat"}
    inputs = {**inputs, "beat": inputs["voice"] % 3}
    other = {**inputs, "voice": np.zeros_like(inputs["voice"])}
    assert not np.allclose(model(inputs), model(other), atol=1e-3)
    del other["voice"]
    with pytest.raises(ValueError, match=r"inputs lack \['voice'\]"):
        model(other)


class Bidirectional(TokenMixer):
    causal = False


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"num_heads": 3}, ValueError, "hidden_dim 8 is not a multiple of num_heads 3"),
        ({"positions": "rotary"}, ValueError, "'rotary': expected one of none, c"),
        ({"mixer": "recurrent"}, ValueError, "unknown mixer 'recurrent'; known:"),
        ({"mixer": ("causal",)}, ValueError, "1 mixers for 2 layers"),
        ({"mixer": ("causal", "both")}, ValueError, "Bidirectional lets tokens see"),
        ({"num_layers": 0}, UserError, "num_layers=0: expected at least 1"),
    ],
)
def test_errors_at_construction(changes, error, message, monkeypatch):
    monkeypatch.setitem(mixers.MIXERS, "both", (Bidirectional, lambda config: {}))
    with pytest.raises(error, match=message):
        make(**changes)


def test_heads_of_their_own_size_need_no_multiple():
    assert make(num_heads=3, key_dim=2).blocks[0].mixer.key_dim == 2


def test_article_preset():
    """No bias in query, key and value; heads of n_embd / n_heads; 4 n_embd within."""
    model = MusicDecoder(**dataclasses.asdict(PRESETS["article"].model))
    paths = [weight.path for weight in model.weights]
    assert not any("query_key_value/bias" in path for path in paths)
    assert not any("distance_embedding" in path for path in paths)
    assert "positions/table" in paths and "block_1/mixer/output/bias" in paths
    for block in model.blocks:
        assert (block.mixer.num_heads, block.mixer.key_dim) == (2, 16)
        assert (block.mixer.dropout, block.dropout) == (0.1, 0.1)
        assert block.intermediate_dim == 128 and block.activation == "relu"


def test_keras_file_round_trip(model, inputs, logits, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded(inputs), logits)


def test_weights_round_trip(model, inputs, logits, tmp_path):
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    other = MusicDecoder(**dataclasses.asdict(model.config))
    other.load_weights(path)
    np.testing.assert_array_equal(other(inputs), logits)


def test_weights_fit_whatever_the_order_of_the_features(tmp_path):
    path = tmp_path / "model.weights.h5"
    model = make(features={"voice": 5, "beat": 5})
    model.save_weights(path)
    other = make(features={"beat": 5, "voice": 5})
    other.load_weights(path)
    inputs = {**goldens.tokens(1, 4), "beat": np.array([[4, 3, 2, 1]])}
    np.testing.assert_array_equal(other(inputs), model(inputs))


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 1},
        {"num_layers": 3},
        {"mixer": "causal"},
        {"attention_bias": False},
        {"positions": "learned"},
        {"max_distance": 6},
        {"hidden_dim": 12},
        {"features": {}},
        {"features": {"beat": goldens.VOICES}},
        {"features": {"voice": goldens.VOICES, "beat": 17}},
        {"vocabulary_size": 12},
    ],
    ids=str,
)
def test_weights_that_do_not_fit_raise(changes, weights_file):
    with pytest.raises(ValueError, match="could not be loaded"):
        make(**changes).load_weights(weights_file)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.weights.h5"
    make().save_weights(path)
    return path


def test_weights_of_another_model_are_named(weights_file):
    with pytest.raises(ValueError, match="only the model has beat_embedding/embedd"):
        make(features={"beat": goldens.VOICES}).load_weights(weights_file)
    with pytest.raises(ValueError, match="only the file has block_1/feed_forward/"):
        make(num_layers=1).load_weights(weights_file)


def test_compile_and_fit(inputs, tmp_path):
    model = make(num_layers=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    targets, weights = np.roll(inputs["tokens"], -1, axis=1), np.ones([2, TIME])
    history = model.fit(
        inputs, targets, sample_weight=weights, epochs=5, verbose=0
    ).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(inputs), model(inputs), atol=1e-6)
