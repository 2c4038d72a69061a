import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import BidirectionalAttention, bidirectional_attention

MAX_DISTANCE, TIME = 3, 7


def make(**kwargs):
    layer = BidirectionalAttention(2, 3, max_distance=MAX_DISTANCE, **kwargs)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


@pytest.fixture(scope="module")
def layer():
    return make()


def naive(x, weights, num_heads):
    table = weights["offset_embedding"]  # [N, L, H]
    farthest = table.shape[1] // 2
    query, key, value = reference.projections(x, weights, num_heads)
    heads = np.zeros_like(query)
    for head in range(num_heads):
        for now in range(len(x)):
            logits = np.zeros(len(x))
            for other in range(len(x)):
                offset = max(-farthest, min(other - now, farthest))
                embedding = table[head, offset + farthest]
                logits[other] = query[head, now] @ (key[head, other] + embedding)
            heads[head, now] = reference.softmax(logits) @ value[head]
    return reference.combination(heads, weights)


@pytest.mark.parametrize("time", [1, 2, MAX_DISTANCE, MAX_DISTANCE + 1, TIME])
def test_equals_the_written_out_formula(layer, time):
    x = goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [naive(row, weights, 2) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    graph = tf.function(layer.__call__, autograph=False).get_concrete_function(
        tf.TensorSpec([None, None, goldens.DIM])
    )
    np.testing.assert_allclose(graph(tf.constant(x)), expected, atol=1e-5)


def test_a_single_head():
    layer, x = BidirectionalAttention(1, 3, max_distance=30), goldens.hidden(2, 24)
    layer.build((None, None, goldens.DIM))
    weights = reference.weights_of(layer)
    expected = [naive(row, weights, 1) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_both_sides_are_told_apart(layer):
    """With queries, keys and values of its neighbors swapped, the middle changes."""
    x = goldens.hidden(1, 3)
    assert not np.allclose(layer(x)[:, 1], layer(x[:, ::-1])[:, 1], atol=1e-3)


def test_every_token_sees_every_other(layer):
    x = np.repeat(goldens.hidden(1, TIME), TIME, axis=0)
    changed = x.copy()
    changed[np.arange(TIME), np.arange(TIME)] += 1
    assert not layer.causal
    assert np.all(layer(changed).numpy() != layer(x).numpy())


def test_skewing_both_ways_by_hand():
    offsets = np.array([[-2, -1, 0, 1, 2]] * 3, "float32")[None, None]
    absolute = bidirectional_attention.offset_to_absolute(offsets)
    assert absolute[0, 0].numpy().tolist() == [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]


def test_clipping_by_hand():
    logits = np.array([-1, 0, 1])
    clip = bidirectional_attention.clip_offsets
    assert clip(logits, 1).numpy().tolist() == [0]
    assert clip(logits, 2).numpy().tolist() == [-1, 0, 1]
    assert clip(logits, 4).numpy().tolist() == [-1, -1, -1, 0, 1, 1, 1]


def test_dropout_acts_in_training_alone():
    layer, x = make(dropout=0.5), goldens.hidden(2, TIME)
    plain = make()
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), plain(x))
    assert not np.allclose(layer(x, training=True), plain(x))


def test_there_is_no_cache(layer):
    with pytest.raises(NotImplementedError):
        layer.init_cache(1, 4)
    with pytest.raises(NotImplementedError):
        layer.extend(goldens.hidden(1, 1), (), 0)


def test_a_distance_is_needed():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        BidirectionalAttention(2, 3, max_distance=0)
