import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import FourierConvolution, convolution

WINDOWS = (2.0, 30.0)
LONG = 2 * convolution.DIRECT_LENGTH


def make(period=5, windows=WINDOWS, dtype=None):
    layer = FourierConvolution(period, windows, dtype=dtype)
    layer.build((None, None, goldens.DIM))
    return layer


@pytest.fixture(scope="module")
def layer():
    layer = make()
    goldens.shake(layer)
    return layer


def in_chunks(layer, x, sizes):
    cache, position, parts = layer.init_cache(len(x), 1), 0, []
    for size in sizes:
        y, cache = layer.extend(x[:, position : position + size], cache, position)
        parts.append(y)
        position += size
    assert position == x.shape[1]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("period", [1, 2, 5, 6])
@pytest.mark.parametrize("time", [1, 9, LONG])
def test_equals_the_written_out_formula(period, time):
    layer = make(period)
    goldens.shake(layer)
    x = goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [
        reference.fourier_convolution(row, weights, period, WINDOWS) for row in x
    ]
    np.testing.assert_allclose(layer(x), expected, atol=2e-6 * np.abs(expected).max())


def test_a_long_sequence_in_steps_and_chunks(layer):
    """The memory is of one size, whatever was heard: there is no longest sequence."""
    x = goldens.hidden(1, LONG + 60)
    sizes = [1, 2, LONG, 7] + [1] * 50
    np.testing.assert_allclose(in_chunks(layer, x, sizes), layer(x), atol=1e-4)
    sizes = [(part.shape, part.dtype.name) for part in layer.init_cache(1, 10**9)]
    assert sizes == [((1, len(WINDOWS) * 3, goldens.DIM), "float32")] * 2


def test_the_same_music_later_gives_the_same(layer):
    """Translation: silence before it changes nothing once its gates are shut."""
    layer = make(period=7)
    layer.input_dense.bias.assign(tf.zeros_like(layer.input_dense.bias))
    x = goldens.hidden(1, 10)
    later = np.concatenate([np.zeros([1, 3, goldens.DIM], "float32"), x], axis=1)
    np.testing.assert_allclose(layer(later)[:, 3:], layer(x), atol=1e-5)


def held_notes_layer():
    layer = FourierConvolution(5, WINDOWS, tokens_per_step=2, max_held=3)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer, np.random.default_rng(0).integers(0, 3, (2, 20)).astype("int32")


def test_held_notes_add_an_embedding_to_the_input():
    layer, pitches = held_notes_layer()
    x = goldens.hidden(2, pitches.shape[1])
    weights = reference.weights_of(layer)
    expected = []
    for row, own in zip(x, pitches, strict=True):
        held = reference.held_steps(own, 2, 3)
        row = row + weights["held_embedding"][held]
        expected.append(reference.fourier_convolution(row, weights, 5, WINDOWS))
    y = layer(x, features={"pitch": pitches})
    np.testing.assert_allclose(y, expected, atol=2e-6 * np.abs(expected).max())


def test_held_notes_are_remembered_between_chunks():
    layer, pitches = held_notes_layer()
    x = goldens.hidden(2, pitches.shape[1])
    cache, position, parts = layer.init_cache(2, 1), 0, []
    for size in (1, 1, 3, 9, 1, 5):
        steps = slice(position, position + size)
        features = {"pitch": pitches[:, steps]}
        y, cache = layer.extend(x[:, steps], cache, position, features)
        parts.append(y)
        position += size
    whole = layer(x, features={"pitch": pitches})
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)
    assert len(cache) == len(layer.cache_kinds) == 3


@pytest.mark.parametrize("period", [4, 5])
def test_one_window_can_learn_any_kernel_of_a_period(period):
    """The waves of one period are a basis: no lag is out of reach, none is double."""
    layer = make(period, (1e9,))
    size = period
    kernels = []
    for index in range(size):
        spectrum = np.zeros(layer.spectrum.shape)
        spectrum[0, index] = 1
        layer.spectrum.assign(spectrum)
        kernels.append(layer._kernel(period)[:, 0])
    gram = np.array(kernels) @ np.array(kernels).T
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-5)
    assert np.all(np.diag(gram) > period / 2 - 1e-3)


def test_at_first_outputs_are_as_large_as_what_is_convolved():
    layer = FourierConvolution()
    layer.build((None, None, 256))
    squares = tf.reduce_sum(tf.square(layer._kernel(4096)), axis=0)
    np.testing.assert_allclose(tf.reduce_mean(squares), 1, atol=0.15)


def test_far_lags_are_as_exact_as_near_ones(layer):
    far = 10**6
    layer = make(64, (1e6,))
    actual = layer._waves(tf.constant([far]))
    angles = 2 * np.pi * np.arange(33) * far / 64
    np.testing.assert_allclose(actual[0][0], np.exp(-1) * np.cos(angles), atol=1e-6)
    np.testing.assert_allclose(actual[1][0], np.exp(-1) * np.sin(angles), atol=1e-6)


def test_convolution_and_memory_are_float32_in_bfloat16():
    layer = make(dtype="mixed_bfloat16")
    cache = layer.init_cache(1, 4)
    x = tf.cast(goldens.hidden(1, 3), "bfloat16")
    y, update = layer.extend(x, cache, 0)
    assert y.dtype == tf.bfloat16
    assert {part.dtype for part in (*cache, *update)} == {tf.float32}


@pytest.mark.parametrize("time", [1, 3])
def test_a_device_needs_no_complex_numbers(layer, time):
    cache = layer.init_cache(1, 4)
    function = tf.function(layer.extend, autograph=False)
    x = tf.constant(goldens.hidden(1, time))
    graph = function.get_concrete_function(x, cache, tf.constant(0)).graph
    for operation in graph.get_operations():
        assert not any(output.dtype.is_complex for output in operation.outputs)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"period": 0}, "period must be at least 1, got 0"),
        ({"windows": ()}, r"windows must be positive lengths, got \(\)"),
        ({"windows": (4, 0)}, r"positive lengths, got \(4, 0\)"),
        ({"tokens_per_step": 0}, "tokens_per_step must be at least 1, got 0"),
        ({"max_held": 0}, "max_held must be at least 1, got 0"),
    ],
)
def test_refused_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        FourierConvolution(**arguments)
