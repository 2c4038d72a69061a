"""Causal convolution: sums over the past whose weights depend on the lag alone."""

import tensorflow as tf
from keras import ops

# Up to this length, products of T x T weights; they need no complex numbers, which
# devices lack. Beyond it, FFTs.
DIRECT_LENGTH = 64


def causal_convolution(x, kernel):
    """`y_t = sum_{s <= t} kernel_{t-s} x_s`, for each feature with its own kernel.

    A sequence longer than `DIRECT_LENGTH`, or of a length that is not known when it
    is traced, takes O(T log T), by FFTs of twice its length so that nothing wraps
    around. Then what comes later moves an output by rounding alone; in shorter
    sequences it does not move it at all.

    Args:
        x: float32 `[B, T, D]`.
        kernel: float32 `[T, D]`, by lag, 0 first.

    Returns:
        float32 `[B, T, D]`.
    """
    time = x.shape[1]
    if time is not None and time <= DIRECT_LENGTH:
        return _by_products(x, kernel)
    return _by_fft(x, kernel)


def _by_products(x, kernel):
    time = x.shape[1]
    steps = ops.arange(time)
    lags = (steps[:, None] - steps)[..., None]  # [T, T, 1]
    weights = ops.take(kernel, ops.maximum(lags[..., 0], 0), axis=0)  # [T, T, D]
    weights = ops.where(lags >= 0, weights, 0.0)
    return ops.einsum("tsd,bsd->btd", weights, x)


def _by_fft(x, kernel):
    time = ops.shape(x)[1]
    size = [2 * time]
    x = ops.transpose(x, (0, 2, 1))  # [B, D, T]: FFTs are along the last axis
    spectrum = tf.signal.rfft(x, size)  # [B, D, T+1]
    spectrum *= tf.signal.rfft(ops.transpose(kernel), size)
    y = tf.signal.irfft(spectrum, size)[..., :time]  # [B, D, T]
    return ops.transpose(y, (0, 2, 1))
