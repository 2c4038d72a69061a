import numpy as np
import pytest
import tensorflow as tf

from tfmusic.layers import AttentionDropout
from tfmusic.layers.attention_dropout import keep_scale

SEED = tf.constant([3, 4])


def test_the_share_of_zeros_is_the_rate_in_every_row_and_column():
    scale = keep_scale(SEED, 0.25, [4, 4, 256, 256]).numpy()
    np.testing.assert_array_equal(np.unique(scale), np.float32([0, 4 / 3]))
    zeros = scale == 0
    assert zeros.mean() == pytest.approx(0.25, abs=0.002)  # one million weights
    for axes in ((0, 1, 3), (0, 1, 2), (2, 3)):  # five standard deviations
        error = 5 * (0.25 * 0.75 / np.prod([scale.shape[axis] for axis in axes])) ** 0.5
        assert np.abs(zeros.mean(axis=axes) - 0.25).max() < error


def test_neighbors_seeds_heads_and_batch_rows_have_nothing_to_do_with_each_other():
    zeros = keep_scale(SEED, 0.5, [2, 2, 256, 256]).numpy() == 0
    other_seeds = [
        keep_scale(seed, 0.5, [2, 2, 256, 256]).numpy() == 0
        for seed in (tf.constant([3, 5]), tf.constant([4, 4]), tf.constant([4, 3]))
    ]
    pairs = [(zeros, other) for other in other_seeds]
    pairs += [(zeros[0], zeros[1]), (zeros[:, 0], zeros[:, 1])]
    pairs += [(zeros[..., 1:], zeros[..., :-1]), (zeros[:, :, 1:], zeros[:, :, :-1])]
    pairs += [(zeros, np.swapaxes(zeros, 2, 3))]
    for one, two in pairs:
        agreement = (one == two).mean()
        assert agreement == pytest.approx(0.5, abs=5 * 0.5 / one.size**0.5)


def test_a_block_is_dropped_as_it_is_in_the_whole():
    whole = keep_scale(SEED, 0.5, [2, 3, 12, 10])
    block = keep_scale(SEED, 0.5, [2, 3, 4, 5], first_query=8, first_key=5)
    np.testing.assert_array_equal(block, whole[:, :, 8:12, 5:10])


def test_the_same_in_every_mode():
    expected = keep_scale(SEED, 0.3, [2, 3, 4, 5])
    for jit_compile in (False, True):
        function = tf.function(keep_scale, jit_compile=jit_compile)
        shape = tf.constant([2, 3, 4, 5])
        if jit_compile:  # shapes are constants to XLA
            function = tf.function(
                lambda seed: keep_scale(seed, 0.3, [2, 3, 4, 5]), jit_compile=True
            )
            actual = function(SEED)
        else:
            actual = function(SEED, 0.3, shape)
        np.testing.assert_array_equal(actual, expected)


def test_every_call_drops_others_and_only_in_training():
    layer = AttentionDropout(0.5)
    weights = np.ones([1, 2, 16, 16], "float32")
    one, two = layer(weights, training=True), layer(weights, training=True)
    assert np.any(one != two)
    np.testing.assert_array_equal(layer(weights), weights)
    assert AttentionDropout(0.0).next_seed(training=True) is None


def test_a_rate_must_leave_something():
    with pytest.raises(ValueError, match=r"in \[0, 1\), got 1"):
        AttentionDropout(1)
