"""Absolute positions, added to a model's embeddings.

Where segments share a window, positions are counted from the start of each.
"""

import keras
import numpy as np
from keras import ops


def positions_of(x, position, starts):
    """int32 `[T]`, or `[B, T]` where there are segments.

    Args:
        x: `[B, T, D]`.
        position: int32 scalar, the first step's.
        starts: None, or int32 `[B, T]`, where each token's segment begins.
    """
    positions = position + ops.arange(ops.shape(x)[1])
    return positions if starts is None else positions - starts


@keras.saving.register_keras_serializable(package="tfmusic")
class LearnedPositions(keras.layers.Layer):
    """Adds an embedding of each position.

    Args:
        max_length: number of positions; longer sequences use the last one's
            embedding for all further positions.

    Reference:
        [Gehring et al., 2017](https://arxiv.org/abs/1705.03122), section 3.1.
    """

    def __init__(self, max_length, **kwargs):
        super().__init__(**kwargs)
        self.max_length = max_length
        self.supports_masking = True

    def build(self, input_shape):
        self.table = self.add_weight(
            name="table",
            shape=(self.max_length, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        super().build(input_shape)

    def call(self, x, position=0, starts=None):
        """Adds to `x` [B, T, D]: see `positions_of`."""
        positions = positions_of(x, position, starts)
        positions = ops.minimum(positions, self.max_length - 1)
        return x + ops.cast(ops.take(self.table, positions, axis=0), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "max_length": self.max_length}


@keras.saving.register_keras_serializable(package="tfmusic")
class SinusoidalPositions(keras.layers.Layer):
    """Adds sines and cosines of each position; no length is too long.

    The first half of D holds the sines, the second the cosines; wavelengths grow
    from 2 pi positions to nearly 20,000 pi.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.5.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        half = (input_shape[-1] + 1) // 2
        self.rates = np.power(1e-4, np.arange(half) / half).astype("float32")
        super().build(input_shape)

    def call(self, x, position=0, starts=None):
        """Adds to `x` [B, T, D]: see `positions_of`."""
        return x + self.waves(x, position, starts)

    def waves(self, x, position, starts):
        """The sines and cosines of `positions_of`: `[T, D]`, or `[B, T, D]`."""
        positions = ops.cast(positions_of(x, position, starts), "float32")
        angles = positions[..., None] * self.rates  # [T, D/2]
        waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        return ops.cast(waves[..., : x.shape[-1]], x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
