import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import CausalMultiHeadAttention


def make(**kwargs):
    layer = CausalMultiHeadAttention(num_heads=2, key_dim=3, **kwargs)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("time", [1, 6])
def test_equals_the_written_out_formula(use_bias, time):
    layer = make(use_bias=use_bias)
    x = goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [reference.attention(row, weights, 2) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_without_bias_there_is_none_in_query_key_and_value():
    names = {weight.path.split("/", 1)[1] for weight in make(use_bias=False).weights}
    assert names == {"query_key_value/kernel", "output/kernel", "output/bias"}


def test_knows_no_positions():
    """What came before is a set: its order makes no difference."""
    layer = make()
    x = goldens.hidden(1, 6)
    shuffled = x[:, [3, 0, 4, 2, 1, 5]]
    np.testing.assert_allclose(layer(x)[:, 5], layer(shuffled)[:, 5], atol=1e-6)


def test_initial_scale_is_glorots_of_each_projection():
    layer = CausalMultiHeadAttention(num_heads=4, key_dim=32)
    layer.build((None, None, 64))
    expected = (2 / (64 + 128)) ** 0.5
    assert np.std(layer.query_key_value.kernel) == pytest.approx(expected, rel=0.05)


def test_dropout_acts_on_the_weights_in_training_alone():
    layer, x = make(dropout=0.5), goldens.hidden(2, 6)
    plain = make()
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), plain(x))
    np.testing.assert_array_equal(layer(x, training=False), plain(x))
    dropped = [layer(x, training=True).numpy() for _ in range(2)]
    assert not np.allclose(dropped[0], plain(x))
    assert not np.allclose(*dropped)


def test_dropped_weights_are_zero_and_the_others_scaled():
    """With all values one, a head's output is the sum of the weights that stay."""
    layer = CausalMultiHeadAttention(num_heads=1, key_dim=1, dropout=0.5)
    layer.build((None, None, 1))
    layer.query_key_value.kernel.assign([[0, 0, 0]])
    layer.query_key_value.bias.assign([0, 0, 1])
    layer.output_dense.kernel.assign([[1]])
    outputs = layer(tf.zeros([1, 4, 1]), training=True).numpy()[0, :, 0]
    for step, output in enumerate(outputs):  # each of the weights is 1 / (step + 1)
        num_kept = output * (step + 1) / 2
        assert num_kept == pytest.approx(round(num_kept), abs=1e-5)


def test_weights_stay_exact_over_long_sequences_in_bfloat16():
    """A thousand equal weights: summed in bfloat16 they would not make one."""
    layer = CausalMultiHeadAttention(1, 4, dtype="mixed_bfloat16")
    layer.build((None, None, 4))
    seen = []
    layer.weights_dropout.call = lambda weights, training=None: (
        seen.append(weights) or weights
    )
    layer.query_key_value.kernel.assign(np.zeros([4, 12]))
    layer(tf.zeros([1, 1000, 4]))
    (weights,) = seen
    assert weights.dtype == tf.float32
    np.testing.assert_allclose(weights[0, 0, -1], np.full(1000, 1e-3), rtol=1e-5)


def test_cache_is_empty_rows_of_keys_and_values():
    layer = make(dtype="mixed_bfloat16")
    cache = layer.init_cache(batch_size=5, max_length=7)
    assert layer.cache_kinds == ("rows", "rows")
    assert [tensor.shape for tensor in cache] == [(5, 2, 7, 3)] * 2
    assert {tensor.dtype for tensor in cache} == {tf.bfloat16}
    assert layer.init_cache(1, 1, dtype="float32")[0].dtype == tf.float32
    assert not np.any(cache)
