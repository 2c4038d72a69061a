"""Attention to tokens of like direction, found by hashing (Reformer)."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfmusic.layers import masks
from tfmusic.layers.attention_dropout import AttentionDropout
from tfmusic.layers.heads import join_heads, one_hot_values, split_heads
from tfmusic.layers.token_mixer import TokenMixer

# Less than any real logit, more than what is masked: for one who is all alone.
SELF = -1e5


@keras.saving.register_keras_serializable(package="tfmusic")
class HashedAttention(TokenMixer):
    """Attention within chunks of the sequence sorted by a hash: cost T log T.

    Queries are keys as well, the keys of unit length. Softmax weights the keys of
    nearly the query's direction, and vectors of like direction fall into the same
    bucket when turned at random. So tokens are sorted by bucket, then by time, and
    cut in chunks; each attends to its own chunk and the one before it, but to itself
    only where it is alone. Several rounds of other rotations are averaged by their
    softmax denominators; a pair that meets in many rounds counts in each.

    Not causal here. Masking later keys in training would be easy, but a token's
    chunk depends on how many tokens of the whole sequence, later ones too, sort
    before it: outputs would change as music goes on. Exact cached decoding would
    need another rule, such as whole buckets of bounded size with their own caches.

    The rotations are drawn once, from `seed`, and saved as weights that are not
    trained.

    Axis letters: `B` batch, `T` time, `N` heads, `H` size of a head, `D` model, `R`
    rounds, `K` chunks, `C` steps of a chunk.

    Args:
        num_heads: N.
        key_dim: H.
        num_hashes: R.
        num_buckets: of a round, even.
        chunk_size: C.
        dropout: rate on the attention weights, in training.
        use_bias: whether queries and values have a bias.
        seed: of the rotations.

    Raises:
        ValueError: a size is not positive, or `num_buckets` is odd.

    Reference:
        [Kitaev et al., 2020](https://arxiv.org/abs/2001.04451), section 2.
    """

    causal = False

    def __init__(
        self,
        num_heads,
        key_dim,
        num_hashes=4,
        num_buckets=16,
        chunk_size=32,
        dropout=0.0,
        use_bias=True,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, size in (("num_hashes", num_hashes), ("chunk_size", chunk_size)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        if num_buckets < 2 or num_buckets % 2:
            raise ValueError(
                f"num_buckets must be even and positive, got {num_buckets}"
            )
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.num_hashes = num_hashes
        self.num_buckets = num_buckets
        self.chunk_size = chunk_size
        self.dropout = dropout
        self.use_bias = use_bias
        self.seed = seed

    def build(self, input_shape):
        width = self.num_heads * self.key_dim

        def dense(size, name, shape, use_bias=True):
            layer = keras.layers.Dense(
                size, use_bias=use_bias, dtype=self.dtype_policy, name=name
            )
            layer.build(shape)
            return layer

        self.query_dense = dense(width, "query", input_shape, self.use_bias)
        self.value_dense = dense(width, "value", input_shape, self.use_bias)
        self.output_dense = dense(input_shape[-1], "output", (*input_shape[:-1], width))
        self.rotations = self.add_weight(
            name="rotations",
            shape=(self.key_dim, self.num_hashes * self.num_buckets // 2),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                np.random.default_rng(self.seed).normal(size=shape), dtype
            ),
            trainable=False,
        )
        self.weights_dropout = AttentionDropout(self.dropout, dtype="float32")
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        query = split_heads(self.query_dense(x), self.num_heads)  # [B, N, T, H]
        value = split_heads(self.value_dense(x), self.num_heads)
        return self.output_dense(join_heads(self._attend(query, value, training)))

    def attention_weights(self, x, features=None):
        query = split_heads(self.query_dense(x), self.num_heads)
        return self._attend(query, one_hot_values(query), False)

    def _attend(self, query, value, training):
        """`[B, N, T, .]`, the rounds' mean, of values of any size."""
        batch, heads, time, key_dim = ops.shape(query)
        size = self.chunk_size
        if isinstance(time, int):
            size = min(size, time)
        num_chunks = (time + size - 1) // size
        shape = (batch, heads, self.num_hashes, num_chunks, size)  # [B, N, R, K, C]

        missing = num_chunks * size - time  # to fill the last chunk
        order = self._order(query)  # [B, N, R, T]
        steps = ops.pad(order, [[0, 0]] * 3 + [[0, missing]], constant_values=-1)
        steps = ops.reshape(steps, shape)  # which step stands here; -1 for none

        def chunks(x):
            """`[B, N, T, .]`, sorted anew for each round: `[B, N, R, K, C, .]`."""
            index = ops.reshape(ops.maximum(steps, 0), (batch, heads, -1))
            x = tf.gather(x, index, axis=2, batch_dims=2)  # [B, N, R*K*C, .]
            return ops.reshape(x, (*shape, x.shape[-1]))

        sorted_query = chunks(query)
        keys = with_previous(chunks(unit(query)))  # [B, N, R, K, 2C, H]
        values = with_previous(chunks(value))
        key_steps = with_previous(steps[..., None] + 1) - 1  # no chunk: -1 too
        key_steps = ops.swapaxes(key_steps, -1, -2)  # [B, N, R, K, 1, 2C]
        logits = ops.matmul(sorted_query, ops.swapaxes(keys, -1, -2))
        logits = ops.cast(logits, "float32") * key_dim**-0.5  # [B, N, R, K, C, 2C]
        logits = ops.where(steps[..., None] == key_steps, SELF, logits)
        logits = masks.mask_logits(logits, key_steps >= 0)

        totals = ops.logsumexp(logits, axis=-1, keepdims=True)  # [B, N, R, K, C, 1]
        weights = ops.exp(logits - totals)
        weights = ops.reshape(weights, (batch, -1, size, 2 * size))  # rank 4
        weights = self.weights_dropout(weights, training=training)
        weights = ops.reshape(weights, (*shape, 2 * size))
        y = ops.matmul(ops.cast(weights, values.dtype), values)  # [B, N, R, K, C, .]

        places = ops.argsort(order)  # [B, N, R, T], where each step stands

        def unsort(x):
            """`[B, N, R, K, C, .]` to `[B, N, R, T, .]`, in the order of time."""
            last = x.shape[-1]
            x = ops.reshape(x, (*shape[:3], num_chunks * size, last))
            return tf.gather(x, places, axis=3, batch_dims=3)

        rounds = tf.nn.softmax(unsort(totals), axis=2)  # [B, N, R, T, 1]
        return ops.sum(ops.cast(rounds, y.dtype) * unsort(y), axis=2)  # [B, N, T, .]

    def _order(self, query):
        """The steps of each round by bucket, then by time: int32 `[B, N, R, T]`."""
        batch, heads, time, _ = ops.shape(query)
        rotations = ops.cast(self.rotations, query.dtype)  # [H, R*buckets/2]
        turned = ops.matmul(ops.stop_gradient(query), rotations)
        shape = (batch, heads, time, self.num_hashes, self.num_buckets // 2)
        turned = ops.transpose(ops.reshape(turned, shape), (0, 1, 3, 2, 4))
        turned = ops.concatenate([turned, -turned], axis=-1)  # [B, N, R, T, buckets]
        buckets = ops.cast(ops.argmax(turned, axis=-1), "int32")  # [B, N, R, T]
        return ops.argsort(buckets * time + ops.arange(time))

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "num_hashes": self.num_hashes,
            "num_buckets": self.num_buckets,
            "chunk_size": self.chunk_size,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "seed": self.seed,
        }


def unit(x):
    """Vectors of length one; the length is taken in float32."""
    exact = ops.cast(x, "float32")
    square = ops.sum(exact**2, axis=-1, keepdims=True)
    return ops.cast(exact * ops.rsqrt(square + 1e-12), x.dtype)


def with_previous(x):
    """`[..., K, C, H]` to `[..., K, 2C, H]`: the chunk before, zeros at first."""
    pads = [[0, 0]] * (len(x.shape) - 3) + [[1, 0], [0, 0], [0, 0]]
    previous = ops.pad(x, pads)[..., :-1, :, :]
    return ops.concatenate([previous, x], axis=-2)
