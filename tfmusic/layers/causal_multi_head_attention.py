"""Causal multi-head attention, and all that its relatives share with it."""

import keras
import tensorflow as tf
from keras import ops

from tfmusic.layers import masks, relative
from tfmusic.layers.token_mixer import TokenMixer


@keras.saving.register_keras_serializable(package="tfmusic")
class CausalMultiHeadAttention(TokenMixer):
    """Scaled dot-product attention to oneself and what came before.

    Projections, masks, cache and softmax live here once; a relative attention
    supplies `distance_logits` alone. Knows no positions by itself: without a
    relative term the model adds learned or sinusoidal ones to its embeddings.

    Axis letters: `B` batch, `T` query time, `S` key time, `N` heads, `H` size of a
    head, `D` model, `L` distances, `M` cache rows. In every dtype policy the terms of
    the logits are summed, masked and normalized in float32.

    Args:
        num_heads: N.
        key_dim: H.
        dropout: rate on the attention weights, in training.
        use_bias: whether queries, keys and values have a bias.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.2.
    """

    cache_kinds = ("rows", "rows")  # keys, values

    def __init__(self, num_heads, key_dim, dropout=0.0, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.dropout = dropout
        self.use_bias = use_bias

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
        self.weights_dropout = keras.layers.Dropout(self.dropout, dtype="float32")
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        query, key, value = self._project(x)  # [B, N, T, H] each
        time = ops.shape(query)[2]
        logits = self._content_logits(query, key)  # [B, N, T, T]
        distances = self.distance_logits(query, time)
        if distances is not None:
            distances = relative.clip_distances(distances, time)
            logits += relative.relative_to_absolute(distances)
        logits = ops.where(masks.causal_mask(time), logits, masks.MASKED)
        weights = tf.nn.softmax(logits)  # Keras's warns where there is one key
        weights = self.weights_dropout(weights, training=training)
        y = ops.matmul(ops.cast(weights, value.dtype), value)  # [B, N, T, H]
        return self._combine(y)

    def init_cache(self, batch_size, max_length, dtype=None):
        shape = (batch_size, self.num_heads, max_length, self.key_dim)
        dtype = dtype or self.compute_dtype
        return ops.zeros(shape, dtype), ops.zeros(shape, dtype)

    def extend(self, x, cache, position, features=None):
        cached_key, cached_value = cache  # [B, N, M, H] each
        query, key, value = self._project(x)
        time, num_rows = query.shape[2], ops.shape(cached_key)[2]
        old = self._content_logits(query, cached_key)  # [B, N, T, M]
        new = self._content_logits(query, key)  # [B, N, T, T]
        distances = self.distance_logits(query, num_rows + time)
        if distances is not None:
            old += relative.relative_to_cached(distances, position, num_rows)
            distances = relative.clip_distances(distances, time)
            new += relative.relative_to_absolute(distances)
        old = ops.where(masks.filled_mask(position, num_rows), old, masks.MASKED)
        new = ops.where(masks.causal_mask(time), new, masks.MASKED)
        weights = tf.nn.softmax(ops.concatenate([old, new], axis=-1))
        weights = ops.cast(weights, value.dtype)  # [B, N, T, M+T]
        y = ops.matmul(weights[..., :num_rows], ops.cast(cached_value, value.dtype))
        y += ops.matmul(weights[..., num_rows:], value)
        return self._combine(y), (key, value)

    def distance_logits(self, query, num_distances):
        """The relative term, by distance; None where the layer has none.

        Args:
            query: `[B, N, T, H]`, scaled.
            num_distances: how many are asked for, an integer or an integer tensor.

        Returns:
            float32 `[B, N, T, L]`, column c scores distance `L - 1 - c`. L may be
            another number: farther distances are clipped to the first column.
        """
        return None

    def _content_logits(self, query, key):
        """float32 `[B, N, T, S]` of `[B, N, T, H]` and `[B, N, S, H]`."""
        key = ops.cast(key, query.dtype)
        logits = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        return ops.cast(logits, "float32")

    def _project(self, x):
        """Scaled queries, keys and values, `[B, N, T, H]` each."""
        batch, time, _ = ops.shape(x)
        x = self.query_key_value(x)  # [B, T, 3*N*H]
        x = ops.reshape(x, (batch, time, 3, self.num_heads, self.key_dim))
        x = ops.transpose(x, (2, 0, 3, 1, 4))  # [3, B, N, T, H]
        return x[0] * self.key_dim**-0.5, x[1], x[2]

    def _combine(self, y):
        """`[B, T, D]` of the heads' `[B, N, T, H]`."""
        batch, heads, time, size = ops.shape(y)
        y = ops.transpose(y, (0, 2, 1, 3))  # [B, T, N, H]
        return self.output_dense(ops.reshape(y, (batch, time, heads * size)))

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
        }
