"""Which cells of a window are masked: any number of them, any of them."""

import tensorflow as tf


def mask_cells(is_cell, uniforms):
    """Draws how many cells of each window are masked, evenly, and then which.

    The sum of weighted nats over the sum of weights is an unbiased estimate of a
    window's nats a cell in a random order of its cells: of `C` cells, `k` of them
    masked, each masked one stands for the `C / k` that may be next at this point.

    Args:
        is_cell: bool `[B, T]`, false past the end of the music.
        uniforms: float32 `[B, 1 + T]` in [0, 1): for the number, and for each place.

    Returns:
        Masked places, bool `[B, T]`, and their weights, float32 `[B, T]`: `C / k` on
        masked cells, so that a window's weights add up to C.

    References:
        [Uria et al., 2014](https://arxiv.org/abs/1310.1757), section 4.1;
        [Huang et al., 2017](https://arxiv.org/abs/1903.07227), section 4.
    """
    cells = tf.reduce_sum(tf.cast(is_cell, tf.float32), axis=1)  # [B]
    masked = 1.0 + tf.floor(uniforms[:, 0] * cells)  # [B]
    masked = tf.minimum(masked, cells)  # rounding may carry u * C up to C
    places = tf.where(is_cell, uniforms[:, 1:], 2.0)  # [B, T], others come last
    order = tf.argsort(places, axis=1, stable=True)
    rank = tf.cast(tf.argsort(order, axis=1), tf.float32)  # [B, T]
    is_masked = is_cell & (rank < masked[:, tf.newaxis])
    weight = tf.math.divide_no_nan(cells, masked)[:, tf.newaxis]  # [B, 1]
    return is_masked, tf.where(is_masked, weight, 0.0)
