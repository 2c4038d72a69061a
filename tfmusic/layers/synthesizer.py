"""What attentions have in common whose weights compare no queries with keys."""

import keras
import tensorflow as tf
from keras import ops

from tfmusic.layers import masks
from tfmusic.layers.attention_dropout import AttentionDropout
from tfmusic.layers.heads import join_heads, split_heads
from tfmusic.layers.token_mixer import TokenMixer


class Synthesizer(TokenMixer):
    """Attention whose logits are a function of positions, not of pairs of tokens.

    Values, the causal softmax and the cache are attention's. A subclass says how
    much the query at a position likes each of `max_length` key positions. There is
    one rule for what is farther on: all later positions are the last one, as queries
    and as keys, in training, in decoding and in exported graphs alike.

    Axis letters: `B` batch, `T` query time, `S` key time, `N` heads, `H` size of a
    head, `D` model, `P` positions, `M` cache rows.

    Args:
        num_heads: N.
        key_dim: H, of the values here.
        max_length: P.
        dropout: rate on the attention weights, in training.
        use_bias: whether values, and what makes the logits, have a bias.

    Raises:
        ValueError: `max_length` is not positive.
    """

    cache_kinds = ("rows",)  # values

    def __init__(
        self, num_heads, key_dim, max_length, dropout=0.0, use_bias=True, **kwargs
    ):
        super().__init__(**kwargs)
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}")
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.max_length = max_length
        self.dropout = dropout
        self.use_bias = use_bias

    def build(self, input_shape):
        self.value_dense = self._dense("value", input_shape, self.use_bias)
        width = self.num_heads * self.key_dim
        self.output_dense = keras.layers.Dense(
            input_shape[-1], dtype=self.dtype_policy, name="output"
        )
        self.output_dense.build((*input_shape[:-1], width))
        self.weights_dropout = AttentionDropout(self.dropout, dtype="float32")
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        value = split_heads(self.value_dense(x), self.num_heads)  # [B, N, T, H]
        weights = self.weights_dropout(self._weigh_keys(x), training=training)
        y = ops.matmul(ops.cast(weights, value.dtype), value)  # [B, N, T, H]
        return self.output_dense(join_heads(y))

    def attention_weights(self, x, features=None):
        weights = self._weigh_keys(x)
        return ops.broadcast_to(weights, (ops.shape(x)[0], *ops.shape(weights)[1:]))

    def _weigh_keys(self, x):
        """The softmax, float32 `[B or 1, N, T, T]`."""
        time = ops.shape(x)[1]
        logits = repeat_last(self.position_logits(x, None), time)  # [B or 1, N, T, T]
        logits = masks.mask_logits(logits, masks.causal_mask(time))
        return tf.nn.softmax(logits)  # Keras's warns where there is one key

    def init_cache(self, batch_size, max_length, dtype=None):
        shape = (batch_size, self.num_heads, max_length, self.key_dim)
        return (ops.zeros(shape, dtype or self.compute_dtype),)

    def extend(self, x, cache, position, features=None):
        (cached,) = cache  # [B, N, M, H]
        value = split_heads(self.value_dense(x), self.num_heads)  # [B, N, T, H]
        time, num_rows = x.shape[1], ops.shape(cached)[2]
        rows = ops.arange(num_rows)
        logits = self.position_logits(x, position)  # [B or 1, N, T, P]

        def at(positions):
            positions = ops.minimum(positions, self.max_length - 1)
            return tf.gather(logits, positions, axis=-1)

        old, new = at(rows), at(position + ops.arange(time))
        old = masks.mask_logits(old, masks.filled_mask(position, rows))
        new = masks.mask_logits(new, masks.causal_mask(time))
        weights = tf.nn.softmax(ops.concatenate([old, new], axis=-1))
        weights = ops.cast(weights, value.dtype)  # [B or 1, N, T, M+T]
        y = ops.matmul(weights[..., :num_rows], ops.cast(cached, value.dtype))
        y += ops.matmul(weights[..., num_rows:], value)  # [B, N, T, H]
        return self.output_dense(join_heads(y)), (value,)

    def position_logits(self, x, position):
        """How much each query likes each key position.

        Args:
            x: `[B, T, D]`.
            position: where x begins, an int32 scalar; None for the beginning.

        Returns:
            float32 `[B, N, T, P]`, or `[1, N, T, P]` where all of the batch agree.
            Where `position` is None, columns from T on may be left out.
        """
        raise NotImplementedError

    def _dense(self, name, input_shape, use_bias):
        dense = keras.layers.Dense(
            self.num_heads * self.key_dim,
            use_bias=use_bias,
            dtype=self.dtype_policy,
            name=name,
        )
        dense.build(input_shape)
        return dense

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "max_length": self.max_length,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
        }


def repeat_last(x, size, axis=-1):
    """Cuts or lengthens an axis: the first ones, then the last one repeated.

    Args:
        x: a tensor; the axis is not empty, and its size static.
        size: an integer, or an integer tensor.
        axis: the last or the last but one, -1 or -2.
    """
    known = x.shape[axis]
    if isinstance(size, int):
        first, missing = min(size, known), max(size - known, 0)
    else:
        first, missing = ops.minimum(size, known), ops.maximum(size - known, 0)
    last = x[..., -1:] if axis == -1 else x[..., -1:, :]
    x = x[..., :first] if axis == -1 else x[..., :first, :]
    repeats = [1] * len(x.shape)
    repeats[axis] = missing
    return ops.concatenate([x, ops.tile(last, repeats)], axis=axis)
