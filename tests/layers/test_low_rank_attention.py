import numpy as np
import pytest

from tests import goldens, graphs, reference
from tfmusic.layers import LowRankAttention

MAX_LENGTH, RANK = 9, 3


def make(max_length=MAX_LENGTH, rank=RANK, **kwargs):
    layer = LowRankAttention(2, 3, max_length, rank, **kwargs)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


def naive(x, weights, num_heads):
    query, key, value = reference.projections(x, weights, num_heads)
    heads = np.zeros_like(query)
    for head in range(num_heads):
        keys, values = np.zeros([2, RANK, query.shape[-1]])
        for rank in range(RANK):
            for time in range(len(x)):
                keys[rank] += weights["key_projection"][time, rank] * key[head, time]
                mixed = weights["value_projection"][time, rank] * value[head, time]
                values[rank] += mixed
        for now in range(len(x)):
            heads[head, now] = reference.softmax(keys @ query[head, now]) @ values
    return reference.combination(heads, weights)


@pytest.mark.parametrize("time", [1, RANK, MAX_LENGTH])
def test_equals_the_written_out_formula(time):
    layer, x = make(), goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [naive(row, weights, 2) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_projected_by_the_identity_it_is_full_attention():
    layer, x = make(rank=MAX_LENGTH), goldens.hidden(1, MAX_LENGTH)
    layer.key_projection.assign(np.eye(MAX_LENGTH))
    layer.value_projection.assign(np.eye(MAX_LENGTH))
    weights = reference.weights_of(layer)
    query, key, value = reference.projections(x[0], weights, 2)
    heads = np.zeros_like(query)
    for head in range(2):
        for now in range(MAX_LENGTH):
            logits = key[head] @ query[head, now]
            heads[head, now] = reference.softmax(logits) @ value[head]
    expected = reference.combination(heads, weights)
    np.testing.assert_allclose(layer(x)[0], expected, atol=1e-5)


def test_no_tensor_grows_with_the_square_of_time():
    time = 1024
    layer = LowRankAttention(1, 4, max_length=time, rank=16)
    assert graphs.largest_tensor(layer, (1, time, 4)) <= 16 * time


def test_longer_than_the_longest():
    layer = make()
    with pytest.raises(ValueError, match="10 steps; the longest is 9"):
        layer(goldens.hidden(1, MAX_LENGTH + 1))


def test_dropout_acts_in_training_alone():
    layer, x = make(dropout=0.5), goldens.hidden(2, MAX_LENGTH)
    plain = make()
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), plain(x))
    assert not np.allclose(layer(x, training=True), plain(x))


@pytest.mark.parametrize("name", ["max_length", "rank"])
def test_sizes_are_positive(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        make(**{name: 0})
