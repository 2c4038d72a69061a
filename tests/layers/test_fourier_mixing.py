import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import FourierMixing, fourier_mixing
from tfmusic.models import MusicDecoder


@pytest.mark.parametrize("method", fourier_mixing.METHODS)
@pytest.mark.parametrize("dim", [1, 2, 3, 8])
@pytest.mark.parametrize("time", [1, 2, 4, 5])
def test_equals_the_written_out_formula(time, dim, method):
    x = goldens.hidden(2, time)[..., :dim]
    expected = [reference.fourier_mixing(row) for row in x]
    np.testing.assert_allclose(FourierMixing(method)(x), expected, atol=1e-5)


@pytest.mark.parametrize("method", ["rfft2d", "matmul"])
@pytest.mark.parametrize("time, dim", [(512, 64), (300, 48)])
def test_methods_and_their_gradients_differ_by_rounding_only(method, time, dim):
    x, projection = np.random.default_rng(0).normal(size=(2, 1, time, dim))

    def outputs_and_gradients(method):
        source = tf.constant(x, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(source)
            y = FourierMixing(method)(source)
            loss = tf.reduce_sum(y * projection.astype("float32"))
        return y, tape.gradient(loss, source)

    actual, expected = outputs_and_gradients(method), outputs_and_gradients("fft2d")
    np.testing.assert_allclose(actual[0], expected[0], atol=5e-6)
    # TensorFlow's own gradient of rfft2d multiplies with waves in complex64.
    np.testing.assert_allclose(actual[1], expected[1], atol=3e-5)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method must be one of .*, got 'magic'"):
        FourierMixing("magic")


def test_later_tokens_move_earlier_outputs():
    """So it cannot generate: at every step of training it would see the answer."""
    layer = FourierMixing()
    assert not layer.causal
    x = goldens.hidden(1, 6)
    changed = x.copy()
    changed[:, 4] += np.arange(goldens.DIM)
    difference = np.abs(layer(changed) - layer(x)).max(axis=(0, 2))
    assert np.all(difference[:4] > 0.1)


def test_a_decoder_refuses_it():
    with pytest.raises(
        ValueError, match="'fourier' is not causal, its tokens see what"
    ):
        MusicDecoder(
            vocabulary_size=5,
            num_layers=2,
            num_heads=1,
            hidden_dim=8,
            intermediate_dim=8,
            max_length=8,
            mixer=("causal_fourier", "fourier"),
        )


def test_outputs_have_the_size_of_the_inputs():
    x = np.random.default_rng(0).normal(size=(4, 100, 64)).astype("float32")
    assert np.std(FourierMixing()(x)) == pytest.approx(1, abs=0.05)


def test_the_transform_is_complex64_in_every_dtype_policy():
    function = tf.function(FourierMixing(dtype="mixed_bfloat16").__call__)
    graph = function.get_concrete_function(tf.TensorSpec([None, None, 8])).graph
    (fft,) = [op for op in graph.get_operations() if op.type == "FFT2D"]
    assert fft.inputs[0].dtype == tf.complex64
    assert graph.outputs[0].dtype == tf.bfloat16


def test_does_not_decode():
    layer, x = FourierMixing(), goldens.hidden(1, 2)
    with pytest.raises(NotImplementedError):
        layer.init_cache(1, 4)
    with pytest.raises(NotImplementedError):
        layer.extend(x, (), 0)
