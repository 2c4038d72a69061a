"""What attentions to a window of the nearest tokens have in common."""

import keras
import tensorflow as tf
from keras import ops

from tfmusic.layers import masks, windows
from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention
from tfmusic.layers.head_matmul import head_matmul
from tfmusic.layers.heads import one_hot_values
from tfmusic.layers.segments import starts_of


class WindowAttention(CausalMultiHeadAttention):
    """Attention whose cost and cache do not grow with what is out of sight.

    Each head has an embedding for every distance that it can see; its product with
    the query is added to the logits. The cache holds the last rows, newest last, and
    is replaced in each step: row j of R rows is the token `position - R + j`.

    A subclass says how to split the sequence into windows, in `_attend_nearby`.

    Args:
        queries: W, how many are computed together.
        num_distances: L, distances that a query may see, counting 0, itself.
        num_rows: of the cache.
        num_heads, key_dim, dropout, use_bias: see `CausalMultiHeadAttention`.
    """

    cache_kinds = ("state", "state")  # keys, values

    def __init__(self, num_heads, key_dim, queries, num_distances, num_rows, **kwargs):
        super().__init__(num_heads, key_dim, block_size=None, **kwargs)
        self._queries = queries
        self._num_distances = num_distances
        self._num_rows = num_rows

    def build(self, input_shape):
        self.distance_embedding = self.add_weight(
            name="distance_embedding",  # the last row is distance 0
            shape=(self.num_heads, self._num_distances, self.key_dim),
            initializer=keras.initializers.RandomNormal(stddev=self.key_dim**-0.5),
        )
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        query, key, value = self._project(x)  # [B, N, T, H] each
        starts = starts_of(features)
        y = self._attend_nearby(query, key, value, 0, 0, starts, training)
        return self._combine(y)

    def attention_weights(self, x, features=None):
        query, key, _ = self._project(x)
        values, starts = one_hot_values(query), starts_of(features)
        return self._attend_nearby(query, key, values, 0, 0, starts, False)

    def init_cache(self, batch_size, max_length, dtype=None):
        """Zeros of the window's length, however long the music is to be."""
        return super().init_cache(batch_size, self._num_rows, dtype)

    def extend(self, x, cache, position, features=None):
        query, *new = self._project(x)
        key, value = (
            ops.concatenate([ops.cast(old, rows.dtype), rows], axis=2)
            for old, rows in zip(cache, new, strict=True)
        )  # [B, N, R+T, H] each
        num_before = self._num_rows
        y = self._attend_nearby(query, key, value, num_before, position, None, False)
        update = tuple(
            ops.cast(rows[:, :, -self._num_rows :], old.dtype)
            for old, rows in zip(cache, (key, value), strict=True)
        )
        return self._combine(y), update

    def _attend_nearby(self, query, key, value, num_before, position, starts, training):
        """The heads' outputs.

        Args:
            query: `[B, N, T, H]`, scaled.
            key, value: `[B, N, P + T, H]`, with P rows of the cache before.
            num_before: P, either 0 or the cache's length.
            position: int32 scalar, the first query's.
            starts: int32 `[B, T]`, where each query's segment begins; or None. P and
                the position are 0 where it is given.

        Returns:
            `[B, N, T, H]`.
        """
        raise NotImplementedError

    def _attend_in_blocks(
        self, query, key, value, table, first, num_before, training, blocks_before=1
    ):
        """Attention within windows, for Q sequences that know nothing of each other.

        Args:
            query: `[B, N, Q, T, H]`.
            key, value: `[B, N, Q, P + T, H]`.
            table: `[N, L, H]`, the embeddings of distances.
            first: int32 `[Q, T]` or `[B, Q, T]`, index of the first key that each
                query sees. None is farther than L - 1, nor before a block's first
                query by more than P or, where P is 0, `blocks_before * W`.
            num_before: P, 0 or a multiple of W.
            blocks_before: where P is 0, how many blocks before its own a query sees.

        Returns:
            `[B, N, Q, T, H]`.
        """
        batch, heads, num_sequences, time, size = ops.shape(query)
        block_size = self._queries
        if isinstance(time, int) and time <= block_size:
            block_size = time
            key, value = key[:, :, :, None], value[:, :, :, None]
        else:
            num_blocks = (time + block_size - 1) // block_size
            missing = num_blocks * block_size - time
            added = 0 if num_before else blocks_before * block_size
            num_before, first = num_before + added, first + added
            query = _pad_time(query, 0, missing)
            no_padding = [[0, 0]] * (len(first.shape) - 1)
            first = ops.pad(first, [*no_padding, [0, missing]])
            key, value = (
                windows.key_windows(
                    _pad_time(rows, added, missing), block_size, num_before
                )
                for rows in (key, value)
            )
        # All blocks of all sequences on one axis, K.
        shape = (batch, heads, -1, block_size, size)
        query = ops.reshape(query, shape)  # [B, N, K, W, H]
        num_keys = num_before + block_size
        shape, value_size = (batch, heads, -1, num_keys), value.shape[-1]
        key = ops.reshape(key, (*shape, size))
        value = ops.reshape(value, (*shape, value_size))
        mask = windows.window_mask(first, block_size, num_before)
        shape = (-1, block_size, num_keys)  # [K, W, S], or [B, 1, K, W, S]
        mask = ops.reshape(mask, shape if len(first.shape) == 2 else (batch, 1, *shape))
        logits = self._block_logits(query, key)  # [B, N, K, W, S]
        logits += self._relative_logits(query, table, num_before)
        logits = masks.mask_logits(logits, mask)
        weights = tf.nn.softmax(logits)
        shape = ops.shape(weights)
        weights = ops.reshape(weights, (batch, -1, block_size, num_keys))
        weights = self.weights_dropout(weights, training=training)  # [B, N*K, W, S]
        weights = ops.reshape(ops.cast(weights, value.dtype), shape)
        y = ops.matmul(weights, value)  # [B, N, K, W, H]
        y = ops.reshape(y, (batch, heads, num_sequences, -1, value_size))
        return y[:, :, :, :time]  # [B, N, Q, T, H]

    def _block_logits(self, query, key):
        """float32 `[B, N, K, W, S]` of `[B, N, K, W, H]` and `[B, N, K, S, H]`."""
        logits = ops.matmul(query, ops.transpose(key, (0, 1, 2, 4, 3)))
        return ops.cast(logits, "float32")

    def _relative_logits(self, query, table, num_before):
        """float32 `[B, N, K, W, S]` of `[B, N, K, W, H]` and `[N, L, H]`."""
        batch, heads, num_blocks, block_size, size = ops.shape(query)
        num_keys = num_before + block_size
        if num_keys < table.shape[1]:
            table = table[:, -num_keys:]
        query = ops.reshape(query, (batch, heads, -1, size))  # [B, N, K*W, H]
        table = ops.transpose(ops.cast(table, query.dtype), (0, 2, 1))  # [N, H, L]
        logits = head_matmul(query, table)  # [B, N, K*W, L]
        shape = (batch, heads, num_blocks, block_size, table.shape[2])
        logits = ops.reshape(ops.cast(logits, "float32"), shape)
        return windows.relative_to_window(logits, num_before)

    def get_config(self):
        config = super().get_config()
        del config["block_size"]  # of what has no blocks by itself
        return config


def _pad_time(x, before, after):
    """Zeros around the time of `[B, N, Q, T, H]`."""
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [before, after], [0, 0]])
