"""Attention to a few mixtures of all keys instead of to the keys (Linformer)."""

import keras
from keras import ops

from tfmusic.layers.encoder_attention import EncoderAttention


@keras.saving.register_keras_serializable(package="tfmusic")
class LowRankAttention(EncoderAttention):
    """Attention whose keys and values are projected along time, from T to `rank`.

    The logits are `[T, rank]`, so cost is linear in T. The projections are learned
    matrices over positions, shared by the heads, one for keys and one for values; a
    sequence shorter than `max_length` uses their first rows. They also tell
    positions apart.

    Not causal, and no decoder could use it: each projected key is a mixture of keys
    at all times, those after the query too. Masking the future would need a mixture
    of its own for each query, which is the quadratic cost again.

    Axis letters: `B` batch, `T` time, `N` heads, `H` size of a head, `D` model, `P`
    positions, `R` rank.

    Args:
        max_length: P, the longest sequence.
        rank: R, the number of projected keys.
        num_heads, key_dim, dropout, use_bias: see `CausalMultiHeadAttention`.

    Raises:
        ValueError: `max_length` or `rank` is not positive, or a sequence is longer
            than `max_length`.

    Reference:
        [Wang et al., 2020](https://arxiv.org/abs/2006.04768), section 4, with
        projections shared by heads.
    """

    def __init__(self, num_heads, key_dim, max_length, rank=64, **kwargs):
        super().__init__(num_heads, key_dim, **kwargs)
        for name, size in (("max_length", max_length), ("rank", rank)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.max_length = max_length
        self.rank = rank

    def build(self, input_shape):
        def projection(name):
            return self.add_weight(
                name=name,
                shape=(self.max_length, self.rank),
                # A mixture of `max_length` keys is then of a key's size.
                initializer=keras.initializers.RandomNormal(
                    stddev=self.max_length**-0.5
                ),
            )

        self.key_projection = projection("key_projection")
        self.value_projection = projection("value_projection")
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        query, key, value = self._project(x)  # [B, N, T, H] each
        key = self._mix(key, self.key_projection)  # [B, N, H, R]
        value = self._mix(value, self.value_projection)
        logits = ops.cast(ops.matmul(query, key), "float32")  # [B, N, T, R]
        return self._weigh(logits, ops.transpose(value, (0, 1, 3, 2)), training)

    def _mix(self, x, projection):
        """`[B, N, H, R]` of `[B, N, T, H]`."""
        time = ops.shape(x)[2]
        if isinstance(time, int) and time > self.max_length:
            raise ValueError(f"{time} steps; the longest is {self.max_length}")
        projection = ops.cast(projection, x.dtype)[:time]  # [T, R]
        return ops.matmul(ops.transpose(x, (0, 1, 3, 2)), projection)

    def get_config(self):
        return {
            **super().get_config(),
            "max_length": self.max_length,
            "rank": self.rank,
        }
