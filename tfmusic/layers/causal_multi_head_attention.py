"""Causal multi-head attention, and all that its relatives share with it."""

import keras
import tensorflow as tf
from keras import ops

from tfmusic.layers import masks, relative
from tfmusic.layers.attention_dropout import AttentionDropout
from tfmusic.layers.blockwise import blockwise_attention
from tfmusic.layers.cache import row_numbers
from tfmusic.layers.heads import join_heads, split_heads
from tfmusic.layers.row_products import row_logits, row_values
from tfmusic.layers.segments import starts_of
from tfmusic.layers.token_mixer import TokenMixer


@keras.saving.register_keras_serializable(package="tfmusic")
class CausalMultiHeadAttention(TokenMixer):
    """Scaled dot-product attention to oneself and what came before.

    Projections, masks, cache and softmax live here once; a relative attention
    supplies `distance_term` alone, and `add_features` for what it hears of the
    tokenizer. Knows no positions by itself: without a
    relative term the model adds learned or sinusoidal ones to its embeddings.

    Axis letters: `B` batch, `T` query time, `S` key time, `N` heads, `H` size of a
    head, `D` model, `L` distances, `M` cache rows. In every dtype policy the terms of
    the logits are summed, masked and normalized in float32.

    Args:
        num_heads: N.
        key_dim: H.
        dropout: rate on the attention weights, in training.
        use_bias: whether queries, keys and values have a bias.
        block_size: None, or how many queries and keys are computed at once: see
            `blockwise_attention`. The same attention, of which no `[T, T]` tensor
            is ever held.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.2.
    """

    cache_kinds = ("rows", "rows")  # keys, values
    supports_segments = True

    def __init__(
        self, num_heads, key_dim, dropout=0.0, use_bias=True, block_size=None, **kwargs
    ):
        super().__init__(**kwargs)
        if block_size is not None and block_size < 1:
            raise ValueError(f"block_size must be at least 1, got {block_size}")
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.dropout = dropout
        self.use_bias = use_bias
        self.block_size = block_size

    def build(self, input_shape):
        dim = input_shape[-1]
        width = self.num_heads * self.key_dim
        self.query_key_value = keras.layers.Dense(
            3 * width,
            use_bias=self.use_bias,
            # Glorot's fan of one [D, N*H] matrix, not of the three together.
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=(2 / (dim + width)) ** 0.5
            ),
            dtype=self.dtype_policy,
            name="query_key_value",
        )
        self.query_key_value.build(input_shape)
        self.output_dense = keras.layers.Dense(
            dim, dtype=self.dtype_policy, name="output"
        )
        self.output_dense.build((*input_shape[:-1], width))
        self.weights_dropout = AttentionDropout(self.dropout, dtype="float32")
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        query, key, value = self._project(x)  # [B, N, T, H] each
        distance = self.distance_term(query, features)
        query, key = self.add_features(query, key, features)
        starts = starts_of(features)
        if self.block_size is None:
            y = self._attend(query, key, value, distance, starts, training)
        else:
            rate, seed = self.dropout, self.weights_dropout.next_seed(training)
            y = blockwise_attention(
                query, key, value, distance, self.block_size, rate, seed, starts
            )
        return self._combine(ops.cast(y, value.dtype))

    def attention_weights(self, x, features=None):
        query, key, _ = self._project(x)
        distance = self.distance_term(query, features)
        query, key = self.add_features(query, key, features)
        return self._weigh_keys(query, key, distance, starts_of(features))

    def _weigh_keys(self, query, key, distance, starts):
        """The softmax, float32 `[B, N, T, T]`."""
        time = ops.shape(query)[2]
        logits = self._content_logits(query, key)  # [B, N, T, T]
        if distance is not None:
            by_distance = relative.distance_logits(distance, time)
            by_distance = relative.clip_distances(by_distance, time)
            logits += relative.relative_to_absolute(by_distance)
        mask = masks.causal_mask(time)
        if starts is not None:
            mask = mask & masks.segment_mask(starts)  # [B, 1, T, T]
        logits = masks.mask_logits(logits, mask)
        return tf.nn.softmax(logits)  # Keras's warns where there is one key

    def _attend(self, query, key, value, distance, starts, training):
        """`[B, N, T, H]`, all at once."""
        weights = self._weigh_keys(query, key, distance, starts)
        weights = self.weights_dropout(weights, training=training)
        weights = ops.cast(weights, value.dtype)
        y = ops.matmul(weights, value)
        if distance is not None and distance.value is not None:
            by_distance = relative.absolute_to_relative(weights)
            y += relative.distance_values(distance, by_distance)
        return y

    def init_cache(self, batch_size, max_length, dtype=None):
        shape = (batch_size, self.num_heads, max_length)
        dtype = dtype or self.compute_dtype
        key_size = self.key_dim + self.num_feature_columns
        return (
            ops.zeros((*shape, key_size), dtype),
            ops.zeros((*shape, self.key_dim), dtype),
        )

    def extend(self, x, cache, position, features=None):
        cached_key, cached_value = cache  # [B, N, M, H] each
        query, key, value = self._project(x)
        distance = self.distance_term(query, features)
        query, key = self.add_features(query, key, features)
        time, num_rows = query.shape[2], ops.shape(cached_key)[2]
        cached_key = ops.cast(cached_key, query.dtype)
        old = ops.cast(row_logits(query, cached_key), "float32")  # [B, N, T, M]
        rows = row_numbers(old)
        new = self._content_logits(query, key)  # [B, N, T, T]
        if distance is not None:
            by_distance = relative.distance_logits(distance, num_rows + time)
            old += relative.relative_to_cached(by_distance, position, rows)
            by_distance = relative.clip_distances(by_distance, time)
            new += relative.relative_to_absolute(by_distance)
        old = masks.mask_logits(old, masks.filled_mask(position, rows))
        new = masks.mask_logits(new, masks.causal_mask(time))
        weights = tf.nn.softmax(ops.concatenate([old, new], axis=-1))
        weights = ops.cast(weights, value.dtype)  # [B, N, T, M+T]
        old, new = weights[..., :-time], weights[..., -time:]
        y = row_values(old, ops.cast(cached_value, value.dtype))
        y += ops.matmul(new, value)
        if distance is not None and distance.value is not None:
            by_distance = relative.absolute_to_relative(new)
            y += relative.distance_values(distance, by_distance)
            length = num_rows + time
            by_distance = relative.cached_to_relative(old, position, length)
            y += relative.distance_values(distance, by_distance)
        return self._combine(y), (key, value)

    def distance_term(self, query, features):
        """What depends on the distance of query and key; None where nothing does.

        Args:
            query: `[B, N, T, H]`, scaled.
            features: dict of int32 `[B, T]`.

        Returns:
            A `relative.DistanceTerm`, or None. Distances past its longest are
            clipped to it.
        """
        return None

    # Columns that `add_features` appends to queries and keys.
    num_feature_columns = 0

    def add_features(self, query, key, features):
        """Queries and keys with columns for what depends on features of both."""
        return query, key

    def _content_logits(self, query, key):
        """float32 `[B, N, T, S]` of `[B, N, T, H]` and `[B, N, S, H]`."""
        key = ops.cast(key, query.dtype)
        logits = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        return ops.cast(logits, "float32")

    def _project(self, x):
        """Scaled queries, keys and values, `[B, N, T, H]` each."""
        parts = ops.split(self.query_key_value(x), 3, axis=-1)  # [B, T, N*H] each
        query, key, value = (split_heads(part, self.num_heads) for part in parts)
        return query * self.key_dim**-0.5, key, value

    def _combine(self, y):
        """`[B, T, D]` of the heads' `[B, N, T, H]`."""
        return self.output_dense(join_heads(y))

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "block_size": self.block_size,
        }
