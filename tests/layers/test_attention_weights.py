"""Weights to look at are those that the layer itself gives its values."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from tests import goldens
from tests.models.test_mixers import CONFIG
from tfmusic.layers import RelativeGlobalAttention, RelativeLocalAttention
from tfmusic.layers.heads import join_heads, split_heads
from tfmusic.models.mixers import ENCODER_MIXERS, MIXERS, make_mixers

TIME = 12
WITHOUT = {"causal_fourier", "fourier_convolution", "fourier", "linformer"}
OPTIONS = {
    "relative_local": {"block_size": 3},
    "dilated_window": {"window": 3, "dilation": (2, 1)},
    "performer": {"chunk_size": 5},
    "relative_global": {"block_size": 4},
    "reformer": {"num_hashes": 2, "num_buckets": 4, "chunk_size": 3},
}


def make(name):
    config = dataclasses.replace(CONFIG, mixer=name, mixer_options={})
    if name in OPTIONS:
        config = dataclasses.replace(config, mixer_options={name: OPTIONS[name]})
    (mixer,) = make_mixers(config, "float32", causal=name in MIXERS)
    mixer.build((None, None, goldens.DIM))
    goldens.shake(mixer)
    return mixer


def values_of(mixer, x):
    """`[B, N, T, H]`, by whichever layer makes them."""
    if hasattr(mixer, "value_dense"):
        return split_heads(mixer.value_dense(x), mixer.num_heads)
    return mixer._project(x)[2]


@pytest.mark.parametrize("name", sorted({*MIXERS, *ENCODER_MIXERS} - WITHOUT))
def test_weights_times_values_are_what_the_layer_computes(name):
    mixer, x = make(name), goldens.hidden(2, TIME)
    weights = np.asarray(mixer.attention_weights(x))
    assert weights.shape == (2, 2, TIME, TIME) and weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
    assert (weights >= 0).all()
    future = np.triu(np.ones([TIME, TIME], bool), 1)
    assert np.any(weights[..., future]) == (not mixer.causal)
    if name == "shaw":  # of which distances have values too
        mixer.value_embedding.assign(ops.zeros_like(mixer.value_embedding))
    y = mixer.output_dense(join_heads(ops.matmul(weights, values_of(mixer, x))))
    np.testing.assert_allclose(mixer(x), y, atol=1e-5)


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_what_weighs_no_tokens_says_so(name):
    assert make(name).attention_weights(goldens.hidden(1, TIME)) is None


@pytest.mark.parametrize(
    "mixer",
    [RelativeGlobalAttention(2, 3, 5), RelativeLocalAttention(2, 3, block_size=2)],
    ids=lambda mixer: type(mixer).__name__,
)
def test_segments_see_themselves_alone(mixer):
    mixer.build((None, None, goldens.DIM))
    segment = np.array([[0, 0, 0, 1, 1, 1, 1]])
    weights = np.asarray(
        mixer.attention_weights(goldens.hidden(1, 7), {"segment": segment})
    )
    assert not weights[..., 3:, :3].any() and not weights[..., :3, 3:].any()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)


def test_features_are_heard():
    mixer = RelativeGlobalAttention(2, 4, 4, tokens_per_step=4, num_pitches=9)
    mixer.build((None, None, goldens.DIM))
    x, features = goldens.hidden(1, 6), goldens.tokens(1, 6)
    weights = mixer.attention_weights(x, features)
    y = mixer.output_dense(join_heads(ops.matmul(weights, mixer._project(x)[2])))
    np.testing.assert_allclose(mixer(x, features=features), y, atol=1e-5)


@pytest.mark.parametrize("name", ["relative_global", "relative_local", "performer"])
def test_weights_are_float32_in_every_dtype_policy(name):
    config = dataclasses.replace(CONFIG, mixer=name, mixer_options={})
    (mixer,) = make_mixers(config, "mixed_bfloat16")
    mixer.build((None, None, goldens.DIM))
    x = ops.cast(goldens.hidden(1, TIME), "bfloat16")
    weights = mixer.attention_weights(x)
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    np.testing.assert_allclose(np.asarray(weights).sum(axis=-1), 1, rtol=1e-5)
