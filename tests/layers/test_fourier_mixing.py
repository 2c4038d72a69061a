import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import FourierMixing
from tfmusic.models import MusicDecoder


@pytest.mark.parametrize("time", [1, 4, 5])
def test_equals_the_written_out_formula(time):
    x = goldens.hidden(2, time)
    expected = [reference.fourier_mixing(row) for row in x]
    np.testing.assert_allclose(FourierMixing()(x), expected, atol=1e-5)


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
