import numpy as np
import pytest
import tensorflow as tf

from tests import reference
from tfmusic.layers import fourier

# T and N: a whole period, less, one and a half, two and more, odd ones, primes, one.
LENGTHS = [(8, 8), (5, 8), (12, 8), (21, 8), (9, 9), (14, 9), (7, 7), (3, 1), (1, 4)]


def values(*shape):
    return np.random.default_rng(3).normal(size=shape).astype("float32")


def sums_of(h, period, method):
    """Either method, of `[B, T, D]`: cosine sums, then sine sums."""
    split = fourier.num_cosines(h.shape[-1])
    if method == "matmul":
        parts = h[..., :split], h[..., split:]
        return tf.concat(fourier.causal_sums_by_matmul(*parts, period), axis=-1)
    sums = fourier.causal_sums_by_chirp(tf.transpose(h, (0, 2, 1)), period)
    return tf.transpose(sums, (0, 2, 1))


def mixed(x, period, method):
    """The real part of the causal sums of x's DFT over features, `[B, T, D]`."""
    sums = sums_of(tf.matmul(x, fourier.feature_matrix(x.shape[-1])), period, method)
    split = fourier.num_cosines(x.shape[-1])
    return fourier.combine(sums[..., :split], sums[..., split:])


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7, 8])
def test_the_sums_of_half_of_the_features_say_all_of_them(dim):
    """With the time's wave at its start (cosine 1, sine 0) and a quarter later."""
    x = values(5, dim)
    h = x @ fourier.feature_matrix(dim)
    split = fourier.num_cosines(dim)
    cosine, sine = h[:, :split], h[:, split:]
    expected = np.fft.fft(x, axis=-1)
    at_start = fourier.combine(tf.constant(cosine), tf.zeros_like(sine))
    np.testing.assert_allclose(at_start, expected.real, atol=1e-5)
    quarter = fourier.combine(tf.zeros_like(cosine), tf.constant(sine))
    np.testing.assert_allclose(quarter, (-1j * expected).real, atol=1e-5)
    np.testing.assert_array_equal(
        tf.transpose(fourier.combine(cosine.T, sine.T, axis=0)),
        fourier.combine(cosine, sine),
    )


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("time", [1, 2, 5, 8])
def test_the_mirrored_half_is_the_other_half_of_the_spectrum(time, dim):
    x = values(2, time, dim)
    half = np.fft.rfft2(x).real.astype("float32")
    np.testing.assert_allclose(
        fourier.mirror(tf.constant(half), dim), np.fft.fft2(x).real, atol=1e-5
    )


@pytest.mark.parametrize("time", [1, 2, 5, 8])
def test_sums_over_all_of_the_time(time):
    a, b = values(2, 2, 3, time)
    spec = tf.TensorSpec([None, 3, None])
    of_any_time = tf.function(fourier.sums_by_matmul, input_signature=[spec, spec])
    expected = np.fft.fft(a).real, -np.fft.fft(b).imag
    for function in (fourier.sums_by_matmul, of_any_time):
        np.testing.assert_allclose(function(a, b), expected, atol=1e-5)


def reference_waves(times, steps, period):
    turns = [[t * n % period / period for n in steps.tolist()] for t in times.tolist()]
    angles = 2 * np.pi * np.array(turns)
    return np.cos(angles), np.sin(angles)


def test_waves_of_numbers_and_of_tensors_are_the_same():
    times, steps = np.arange(5, 17), np.arange(20)
    expected = reference_waves(times, steps, 7)
    np.testing.assert_allclose(fourier.waves(times, steps, 7), expected, atol=1e-7)
    tensors = tf.constant(times, "int32"), tf.constant(steps, "int32")
    np.testing.assert_allclose(fourier.waves(*tensors, 7), expected, atol=1e-7)


def test_waves_are_exact_at_the_longest_period_and_far_positions():
    """Where a product of two positions would not fit in int32."""
    period = 46_340
    times = np.array([0, 46_339, 46_341, 2_000_000_001])
    steps = np.array([1, 46_338, 92_679, 1_999_999_999])
    expected = reference_waves(times, steps, period)
    tensors = tf.constant(times, "int32"), tf.constant(steps, "int32")
    found = fourier.waves(*tensors, period)
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("method", ["matmul", "chirp"])
@pytest.mark.parametrize("time, period", LENGTHS)
def test_causal_sums_equal_the_naive_double_sum(time, period, method):
    x = values(2, time, 6)
    expected = [reference.causal_fourier_sums(row, period) for row in x]
    found = mixed(x, period, method)
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
@pytest.mark.parametrize("method", ["matmul", "chirp"])
def test_any_number_of_features(dim, method):
    x = values(1, 6, dim)
    expected = reference.causal_fourier_sums(x[0], 4)
    np.testing.assert_allclose(mixed(x, 4, method)[0], expected, atol=1e-5)


@pytest.mark.parametrize("method", ["matmul", "chirp"])
def test_time_unknown_at_trace_time(method):
    spec = tf.TensorSpec([None, None, 6])
    function = tf.function(lambda x: mixed(x, 8, method), input_signature=[spec])
    for time in (1, 5, 8, 20):
        x = values(2, time, 6)
        expected = [reference.causal_fourier_sums(row, 8) for row in x]
        np.testing.assert_allclose(function(x), expected, atol=2e-5)


@pytest.mark.parametrize("time, period", LENGTHS)
def test_gradients_are_the_transposed_matrix(time, period):
    """Gradients of the chirp form are written out; the masked matmul's are not."""
    x, weights = values(2, time, 6), values(2, time, 6)[::-1].copy()

    def gradients(method):
        source = tf.constant(x)
        with tf.GradientTape() as outer:
            outer.watch(source)
            with tf.GradientTape() as tape:
                tape.watch(source)
                y = tf.reduce_sum(sums_of(source, period, method) ** 2 * weights)
            first = tape.gradient(y, source)
        return first, outer.gradient(first, source, weights)

    for by_chirp, by_matmul in zip(
        gradients("chirp"), gradients("matmul"), strict=True
    ):
        size = np.abs(by_matmul).max()
        np.testing.assert_allclose(by_chirp / size, by_matmul / size, atol=1e-5)


@pytest.mark.parametrize("period", [2048, 3000])
def test_long_sums_are_as_exact_as_float32_can_be(period):
    """Phases are integers: an angle in float32 would be wrong in the fourth digit."""
    x, steps = values(1, 3, 4096), np.arange(4096)
    angles = 2 * np.pi / period * (np.outer(steps, steps) % period)
    cosine, sine = np.cos(angles) * np.tri(4096), np.sin(angles) * np.tri(4096)
    expected = np.stack([cosine @ x[0, 0], cosine @ x[0, 1], sine @ x[0, 2]])
    found = fourier.causal_sums_by_chirp(tf.constant(x), period)[0].numpy()
    error = np.abs(found - expected).max()
    assert error < 1e-6 * np.abs(expected).max()
