"""What both synthesizers hold to."""

import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import DenseSynthesizer, RandomSynthesizer, apply_update
from tfmusic.layers.synthesizer import repeat_last

MAX_LENGTH, TIME = 5, 9
SYNTHESIZERS = [RandomSynthesizer, DenseSynthesizer]


def make(synthesizer, **kwargs):
    layer = synthesizer(2, 3, MAX_LENGTH, **kwargs)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


@pytest.fixture(scope="module", params=SYNTHESIZERS)
def layer(request):
    return make(request.param)


def naive(x, weights, num_heads):
    """Attention with logits by position; those past the last are the last."""
    value = x @ weights["value/kernel"] + weights.get("value/bias", 0)
    value = np.split(value, num_heads, axis=1)
    heads = []
    for head in range(num_heads):
        if "logits" in weights:
            rows = [min(now, MAX_LENGTH - 1) for now in range(len(x))]
            logits = weights["logits"][head][rows]  # [T, P]
        else:
            hidden = x @ weights["hidden/kernel"] + weights.get("hidden/bias", 0)
            hidden = np.maximum(np.split(hidden, num_heads, axis=1)[head], 0)
            logits = hidden @ weights["kernel"][head]
            if "bias" in weights:
                logits = logits + weights["bias"][head]
        columns = [min(then, MAX_LENGTH - 1) for then in range(len(x))]
        logits = logits[:, columns]  # [T, T]
        heads.append(
            [
                reference.softmax(logits[now, : now + 1]) @ value[head][: now + 1]
                for now in range(len(x))
            ]
        )
    return reference.combination(np.array(heads), weights)


@pytest.mark.parametrize("time", [1, MAX_LENGTH - 1, MAX_LENGTH, TIME])
def test_equals_the_written_out_formula(layer, time):
    x = goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [naive(row, weights, 2) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    graph = tf.function(layer.__call__, autograph=False).get_concrete_function(
        tf.TensorSpec([None, None, goldens.DIM])
    )
    np.testing.assert_allclose(graph(tf.constant(x)), expected, atol=1e-5)


@pytest.mark.parametrize("synthesizer", SYNTHESIZERS)
def test_a_single_head(synthesizer):
    layer, x = synthesizer(1, 3, MAX_LENGTH), goldens.hidden(2, 24)
    layer.build((None, None, goldens.DIM))
    weights = reference.weights_of(layer)
    expected = [naive(row, weights, 1) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("synthesizer", SYNTHESIZERS)
def test_without_bias_there_is_none_but_the_outputs(synthesizer):
    layer, x = make(synthesizer, use_bias=False), goldens.hidden(2, TIME)
    weights = reference.weights_of(layer)
    assert [path for path in weights if "bias" in path] == ["output/bias"]
    expected = [naive(row, weights, 2) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("chunks", [[1] * TIME, [3, 4, 2], [TIME]], ids=str)
def test_one_rule_past_the_last_position(layer, chunks):
    """In steps too, whether a chunk ends before, at or after the last position."""
    x = goldens.hidden(2, TIME)
    cache, parts, position = layer.init_cache(2, TIME + 3), [], 0
    for size in chunks:
        part = x[:, position : position + size]
        y, update = layer.extend(part, cache, tf.constant(position))
        cache = apply_update(cache, update, position, layer.cache_kinds)
        parts.append(y)
        position += size
    np.testing.assert_allclose(np.concatenate(parts, axis=1), layer(x), atol=1e-5)


def test_call_and_steps_round_alike_in_bfloat16(layer):
    rounded = type(layer)(2, 3, MAX_LENGTH, dtype="mixed_bfloat16")
    rounded.build((None, None, goldens.DIM))
    rounded.set_weights(layer.get_weights())
    x = goldens.hidden(2, TIME)
    y, _ = rounded.extend(tf.cast(x, "bfloat16"), rounded.init_cache(2, TIME), 0)
    error = np.abs(tf.cast(y, "float32") - tf.cast(rounded(x), "float32"))
    assert error.max() < 0.02 * np.abs(layer(x)).max()


@pytest.mark.parametrize("synthesizer", SYNTHESIZERS)
def test_dropout_acts_in_training_alone(synthesizer):
    layer, x = make(synthesizer, dropout=0.5), goldens.hidden(2, TIME)
    plain = make(synthesizer)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), plain(x))
    assert not np.allclose(layer(x, training=True), plain(x))


def test_an_axis_is_cut_or_its_last_repeated():
    x = np.array([[1, 2, 3], [4, 5, 6]])
    assert repeat_last(x, 2).numpy().tolist() == [[1, 2], [4, 5]]
    assert repeat_last(x, 5).numpy().tolist() == [[1, 2, 3, 3, 3], [4, 5, 6, 6, 6]]
    assert repeat_last(x, 3, axis=-2).numpy().tolist() == [*x.tolist(), [4, 5, 6]]
    assert repeat_last(x, tf.constant(1), axis=-2).numpy().tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("synthesizer", SYNTHESIZERS)
def test_a_position_is_needed(synthesizer):
    with pytest.raises(ValueError, match="max_length must be at least 1, got 0"):
        synthesizer(2, 3, 0)
