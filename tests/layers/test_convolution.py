import numpy as np
import pytest
import tensorflow as tf

from tests import reference
from tfmusic.layers import convolution

DIRECT = convolution.DIRECT_LENGTH


def arrays(time, dim=3):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, time, dim)).astype("float32")
    return x, generator.normal(size=(time, dim)).astype("float32")


@pytest.mark.parametrize("time", [1, 2, 7, DIRECT, DIRECT + 1, 100])
def test_equals_the_double_loop(time):
    x, kernel = arrays(time)
    expected = [reference.convolution(row, kernel) for row in x]
    y = convolution.causal_convolution(tf.constant(x), tf.constant(kernel))
    np.testing.assert_allclose(y, expected, atol=1e-5 * np.abs(expected).max())


def test_a_kernel_by_lag():
    """Half of what was two steps ago, and minus what is now."""
    x = np.array([1, 2, 3, 4], "float32")[None, :, None]
    kernel = np.array([-1, 0, 0.5, 0], "float32")[:, None]
    y = convolution.causal_convolution(tf.constant(x), tf.constant(kernel))
    np.testing.assert_array_equal(y[0, :, 0], [-1, -2, -3 + 0.5, -4 + 1])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_two_ways_agree_with_their_gradients(jit_compile):
    def gradients(function, x, kernel):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            loss = tf.reduce_sum(tf.sin(function(x, kernel)))
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, [x, kernel])]

    inputs = [tf.constant(array) for array in arrays(20)]
    compiled = tf.function(gradients, jit_compile=jit_compile, autograph=False)
    expected = compiled(convolution._by_products, *inputs)
    for actual, one in zip(
        compiled(convolution._by_fft, *inputs), expected, strict=True
    ):
        np.testing.assert_allclose(actual, one, atol=1e-4)


def test_what_comes_later_moves_a_long_sequence_by_rounding_alone():
    x, kernel = arrays(4 * DIRECT)
    changed = x.copy()
    changed[:, -1] += 1
    before, after = (
        convolution.causal_convolution(tf.constant(value), tf.constant(kernel)).numpy()
        for value in (x, changed)
    )
    np.testing.assert_allclose(after[:, :-1], before[:, :-1], atol=2e-5)
    assert np.all(np.abs(after[:, -1] - before[:, -1]) > 1e-3)
