"""Pieces that share a window come out as each alone, whatever the mixer."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, packed
from tests.packed import TIME
from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.models import make_model
from tfmusic.models.mixers import ENCODER_MIXERS, MIXERS

CONFIG = ModelConfig(
    vocabulary_size=goldens.VOCABULARY_SIZE,
    num_layers=1,
    num_heads=2,
    hidden_dim=goldens.DIM,
    intermediate_dim=12,
    max_length=10,  # shorter than a piece
    max_distance=5,
    features={"voice": goldens.VOICES},
    mixer_options={
        "relative_local": {"block_size": 3},
        "dilated_window": {"window": 3, "dilation": [2, 1]},
    },
    positions="learned",
    dropout=0.0,
)
PITCH_AND_TIME = {"tokens_per_step": 4, "num_pitches": goldens.PITCHES}
CASES = {
    "causal": {"mixer": "causal"},
    "causal/none": {"mixer": "causal", "positions": "none"},
    "causal/sinusoidal": {"mixer": "causal", "positions": "sinusoidal"},
    "causal/concatenated": {"mixer": "causal", "positions": "concatenated"},
    "relative_global": {"mixer": "relative_global"},
    "relative_global/pitch_and_time": {
        "mixer": "relative_global",
        "mixer_options": {"relative_global": PITCH_AND_TIME},
    },
    "relative_global/blockwise": {
        "mixer": "relative_global",
        "mixer_options": {"relative_global": PITCH_AND_TIME},
        "attention_block_size": 6,
    },
    "shaw": {"mixer": "shaw"},
    "shaw/blockwise": {"mixer": "shaw", "attention_block_size": 8},
    "relative_local": {"mixer": "relative_local"},
    "dilated_window": {"mixer": "dilated_window"},
    "hybrid": {"mixer": ("dilated_window", "shaw"), "num_layers": 2},
    "full": {"kind": "infiller", "mixer": "full", "mixer_options": {}},
}
ACROSS = {
    "causal_fourier",
    "dense_synthesizer",
    "fourier_convolution",
    "performer",
    "random_synthesizer",
}
ENCODERS_ACROSS = {"fourier", "linformer", "reformer"}


def make(**changes):
    model = make_model(dataclasses.replace(CONFIG, **changes))
    goldens.shake(model)
    return model


@pytest.fixture(scope="module")
def inputs():
    return {**goldens.tokens(2, TIME), "segment": packed.segment()}


@pytest.fixture(scope="module", params=CASES)
def model(request):
    return make(**CASES[request.param])


def gradients(model, inputs, projection):
    """Logits, and the weights' gradients of their sum, each weighted differently."""
    with tf.GradientTape() as tape:
        logits = model(inputs)
        loss = tf.reduce_sum(logits * projection)
    weights = [weight.value for weight in model.trainable_weights]
    return logits, [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]


def test_packed_equals_alone_gradients_included(model, inputs):
    shape = (2, TIME, goldens.VOCABULARY_SIZE)
    projection = np.random.default_rng(3).normal(size=shape).astype("float32")
    logits, found = gradients(model, inputs, projection)
    apart = {name: values for name, values in inputs.items() if name != "segment"}
    assert not np.allclose(model(apart), logits, atol=1e-2)
    sums = [0] * len(found)
    for row, part in packed.pieces():
        piece = packed.alone(apart, row, part)
        expected, of_piece = gradients(model, piece, projection[row : row + 1, part])
        np.testing.assert_allclose(logits[row : row + 1, part], expected, atol=1e-5)
        sums = [total + one for total, one in zip(sums, of_piece, strict=True)]
    for weight, one, other in zip(model.trainable_weights, found, sums, strict=True):
        assert np.any(one), weight.path
        np.testing.assert_allclose(one, other, atol=2e-5, err_msg=weight.path)


def test_pieces_do_not_move_each_other_by_a_bit(model, inputs):
    before = model(inputs).numpy()
    tokens = inputs["tokens"]
    for part, changed in packed.one_piece_changed(tokens, lambda ids: (ids + 1) % 5):
        after = model({**inputs, "tokens": changed}).numpy()
        moved = np.any(after != before, axis=-1)
        expected = np.zeros_like(moved)
        expected[0, part] = True
        np.testing.assert_array_equal(moved, expected)


def test_one_segment_is_the_whole_window(model, inputs):
    apart = {name: values for name, values in inputs.items() if name != "segment"}
    one = {**apart, "segment": np.full([2, TIME], 7, np.int32)}
    np.testing.assert_allclose(model(one), model(apart), atol=1e-5)


def test_each_mixer_is_tested_or_refuses():
    tested = {name.partition("/")[0] for name in CASES} - {"hybrid"}
    assert tested | ACROSS | ENCODERS_ACROSS == {*MIXERS, *ENCODER_MIXERS}
    assert not tested & (ACROSS | ENCODERS_ACROSS)


@pytest.mark.parametrize("name", sorted(ACROSS | ENCODERS_ACROSS))
def test_mixers_that_can_not_keep_to_segments_refuse(name, inputs):
    kind = "decoder" if name in MIXERS else "infiller"
    known = MIXERS if name in MIXERS else ENCODER_MIXERS
    other = "causal" if known is MIXERS else "full"
    changes = {"kind": kind, "max_length": TIME, "mixer_options": {}}
    model = make(mixer=(other, name), num_layers=2, **changes)
    assert not model.supports_segments
    assert model.mixers_across_segments == (name,)
    with pytest.raises(ValueError, match=f"can't keep: {name}"):
        tf.function(model.__call__, autograph=False)(inputs)
    apart = {name: values for name, values in inputs.items() if name != "segment"}
    assert np.all(np.isfinite(model(apart)))


def test_mixers_that_keep_to_segments_are_not_named(model):
    assert model.supports_segments
    assert model.mixers_across_segments == ()


def test_the_name_is_no_features():
    with pytest.raises(UserError, match="feature 'segment': an input of another kind"):
        make(features={"segment": 3})


@pytest.mark.parametrize("block_size", [None, 4])
def test_dropout_of_packed_windows(block_size, inputs):
    """Dropped weights do not let pieces see each other."""
    model = make(mixer="causal", attention_dropout=0.5, attention_block_size=block_size)

    def call(inputs):
        for block in model.blocks:
            state = block.mixer.weights_dropout.seed_generator.state
            state.assign(np.array([7, 8], "uint32"))
        return model(inputs, training=True).numpy()

    tokens = inputs["tokens"]
    before = call(inputs)
    assert not np.allclose(before, model(inputs))
    for part, changed in packed.one_piece_changed(tokens, lambda ids: (ids + 1) % 5):
        moved = np.any(call({**inputs, "tokens": changed}) != before, axis=-1)
        assert np.all(moved[0, part]) and moved.sum() == moved[0, part].sum()


def test_a_file_knows_nothing_of_segments(inputs, tmp_path):
    model = make(mixer=("causal", "relative_local"), num_layers=2)
    expected = model(inputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), expected)
    apart = {name: values for name, values in inputs.items() if name != "segment"}
    np.testing.assert_array_equal(loaded(apart), model(apart))
