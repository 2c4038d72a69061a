"""Absolute positions beside a model's embeddings instead of on top of them."""

import keras

from tfmusic.layers.positions import SinusoidalPositions


@keras.saving.register_keras_serializable(package="tfmusic")
class ConcatenatedSinusoids(SinusoidalPositions):
    """Concatenates sinusoids to each step and projects back to D; without limit.

    Embeddings `[B, T, D]` and waves `[T, D]`, those of `SinusoidalPositions`, keep
    to dimensions of their own until a learned projection of all 2 D mixes them. The
    projection of the two together is the sum of one of each, so the waves are
    projected once for the whole batch and nothing is copied.

    Reference:
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 4.1, who leave
        open how wide the sinusoids are and how D comes back.
    """

    def build(self, input_shape):
        dim = input_shape[-1]
        self.embedding_dense = keras.layers.Dense(
            dim, dtype=self.dtype_policy, name="embedding"
        )
        self.embedding_dense.build(input_shape)
        self.wave_dense = keras.layers.Dense(
            dim, use_bias=False, dtype=self.dtype_policy, name="wave"
        )
        self.wave_dense.build((None, dim))
        super().build(input_shape)

    def call(self, x, position=0, starts=None):
        """Of `x` [B, T, D]: see `positions_of`."""
        waves = self.wave_dense(self.waves(x, position, starts))  # [T, D], [B, T, D]
        return self.embedding_dense(x) + waves
