"""FNet's Fourier mixing, which hears both the past and the future."""

import keras
import tensorflow as tf
from keras import ops

from tfmusic.layers.token_mixer import TokenMixer


@keras.saving.register_keras_serializable(package="tfmusic")
class FourierMixing(TokenMixer):
    """The real part of the DFT over time and features.

    Every output is a sum over all inputs, later ones too: for encoders, not for
    decoders, which refuse it (`CausalFourierMixing` is theirs). There are no weights
    to learn. Sums are divided by `sqrt(T D / 2)`, which keeps outputs at the size of
    the inputs, as a residual needs whose stream is not normalized; the paper's sums
    are plain, since a layer norm follows them. The FFT runs in complex64 in every
    dtype policy. All T steps count: sequences must not be padded.

    Reference:
        [Lee-Thorp et al., 2021](https://arxiv.org/abs/2105.03824), section 3.2.
    """

    causal = False

    def call(self, x, features=None, training=None):
        _, time, dim = ops.shape(x)
        y = ops.cast(x, "float32")
        # Not a cast to complex: its gradient is one back, of which TensorFlow warns.
        y = tf.signal.fft2d(tf.complex(y, tf.zeros_like(y)))  # [B, T, D]
        scale = ops.rsqrt(ops.cast(time, "float32") * (dim / 2))
        return ops.cast(tf.math.real(y) * scale, x.dtype)
