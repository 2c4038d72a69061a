"""FNet's Fourier mixing, which hears both the past and the future."""

import keras
import tensorflow as tf
from keras import ops

from tfmusic.layers import fourier
from tfmusic.layers.token_mixer import TokenMixer

METHODS = ("fft2d", "rfft2d", "matmul")


@keras.saving.register_keras_serializable(package="tfmusic")
class FourierMixing(TokenMixer):
    """The real part of the DFT over time and features.

    Every output is a sum over all inputs, later ones too: for encoders, not for
    decoders, which refuse it (`CausalFourierMixing` is theirs). There are no weights
    to learn. Sums are divided by `sqrt(T D / 2)`, which keeps outputs at the size of
    the inputs, as a residual needs whose stream is not normalized; the paper's sums
    are plain, since a layer norm follows them. FFTs run in complex64 in every dtype
    policy, matmuls in the policy's dtype. All T steps count: sequences must not be
    padded.

    Methods differ by rounding only. TFLite has no operator for "fft2d"; its RFFT2D
    takes powers of two in both axes, matmuls take any length, at a cost that grows
    with T squared.

    Args:
        method: "fft2d"; "rfft2d", the FFT of real numbers, whose other half is
            mirrored; or "matmul" with the matrices of the DFT.

    Raises:
        ValueError: the method is unknown.

    Reference:
        [Lee-Thorp et al., 2021](https://arxiv.org/abs/2105.03824), section 3.2.
    """

    causal = False

    def __init__(self, method="fft2d", **kwargs):
        super().__init__(**kwargs)
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, got {method!r}")
        self.method = method

    def call(self, x, features=None, training=None):
        _, time, dim = ops.shape(x)
        scale = ops.rsqrt(ops.cast(time, "float32") * (dim / 2))
        if self.method == "matmul":
            return self._mix_by_matmul(x, dim) * ops.cast(scale, x.dtype)
        y = ops.cast(x, "float32")
        if self.method == "rfft2d":
            y = fourier.mirror(tf.math.real(tf.signal.rfft2d(y)), dim)
        else:
            # Not a cast to complex: its gradient is one back, of which TensorFlow
            # warns.
            y = tf.math.real(tf.signal.fft2d(tf.complex(y, tf.zeros_like(y))))
        return ops.cast(y * scale, x.dtype)  # [B, T, D]

    def _mix_by_matmul(self, x, dim):
        sums = ops.matmul(x, ops.cast(fourier.feature_matrix(dim), x.dtype))
        sums = ops.transpose(sums, (0, 2, 1))  # [B, D, T]
        split = fourier.num_cosines(dim)
        sums = fourier.sums_by_matmul(sums[:, :split], sums[:, split:])
        return ops.transpose(fourier.combine(*sums, axis=1), (0, 2, 1))

    def get_config(self):
        return {**super().get_config(), "method": self.method}
