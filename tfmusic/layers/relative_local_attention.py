"""The Music Transformer's local attention, for sequences too long to see as a whole."""

import keras
from keras import ops

from tfmusic.layers.window_attention import WindowAttention


@keras.saving.register_keras_serializable(package="tfmusic")
class RelativeLocalAttention(WindowAttention):
    """Attention to one's own block of the sequence and the one before.

    A token sees from `block_size + 1` tokens, the first of its block, to
    `2 * block_size`, the last. Time and memory are linear in the sequence's length,
    and the cache is two blocks long. Blocks are counted from the beginning of the
    sequence or, where there are segments, of each. What is heard from farther away
    comes through the layers below.

    Args:
        block_size: tokens of a block.
        num_heads, key_dim, dropout, use_bias: see `CausalMultiHeadAttention`.

    Raises:
        ValueError: `block_size` is not positive.

    Reference:
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 3.4.2;
        [Liu et al., 2018](https://arxiv.org/abs/1801.10198), section 4.2.4.
    """

    def __init__(self, num_heads, key_dim, block_size, **kwargs):
        if block_size < 1:
            raise ValueError(f"block_size must be at least 1, got {block_size}")
        super().__init__(
            num_heads,
            key_dim,
            queries=block_size,
            num_distances=2 * block_size,
            num_rows=2 * block_size,
            **kwargs,
        )
        self.block_size = block_size

    def _attend_nearby(self, query, key, value, num_before, position, starts, training):
        now = position + ops.arange(ops.shape(query)[2])  # [T]
        if starts is not None:
            now = now - starts  # [B, T]
        first = (now // self.block_size - 1) * self.block_size
        first = ops.maximum(first, 0) - position + num_before
        # One sequence: [B, N, 1, T, H] and [B, N, 1, P+T, H].
        query, key, value = query[:, :, None], key[:, :, None], value[:, :, None]
        # [1, T], or [B, 1, T] where there are segments.
        first = first[None] if starts is None else (first + starts)[:, None]
        table = self.distance_embedding
        y = self._attend_in_blocks(
            query,
            key,
            value,
            table,
            first,
            num_before,
            training,
            # A segment's blocks begin anywhere in those of the sequence.
            blocks_before=1 if starts is None else 2,
        )
        return y[:, :, 0]  # [B, N, T, H]

    def get_config(self):
        return {**super().get_config(), "block_size": self.block_size}
