"""Attention in linear time: softmax by positive random features (Performer)."""

import keras
import numpy as np
from keras import ops

from tfmusic.layers import masks
from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention
from tfmusic.layers.head_matmul import head_matmul


@keras.saving.register_keras_serializable(package="tfmusic")
class RandomFeatureAttention(CausalMultiHeadAttention):
    """An unbiased estimate of softmax attention in time and memory linear in T.

    `exp(q . k)` is the mean over random w of `exp(w . q - |q|^2 / 2)` times
    `exp(w . k - |k|^2 / 2)`. So the sums over the past are products of a query's
    features with running sums of keys' features and values, `[F, H]` numbers a head
    however long the past is. They are all that the cache holds.

    The sequence goes in chunks: within a chunk a masked `[C, C]` product, between
    chunks the sums so far. Whatever keeps the exponentials finite looks at one query
    or one key alone: the usual maximum over all keys would tell of the future. From
    features to quotients all is float32 in every dtype policy. The w are drawn once,
    from `seed`, and saved as weights that are not trained; there are no weights of
    attention to drop.

    Axis letters: `B` batch, `T` time, `N` heads, `H` size of a head, `F` features,
    `K` chunks, `C` steps of a chunk.

    Args:
        num_heads, key_dim, use_bias: see `CausalMultiHeadAttention`.
        num_features: F; more are closer to softmax attention.
        chunk_size: C.
        seed: of the random features.

    Raises:
        ValueError: `num_features` or `chunk_size` is not positive.

    Reference:
        [Choromanski et al., 2021](https://arxiv.org/abs/2009.14794): section 2.3
        (lemma 1) for the features, 2.4 for orthogonal ones, appendix B.1 for prefix
        sums.
    """

    cache_kinds = ("state",)  # sums over the past of features times (value, 1)
    supports_segments = False  # a sum over the past can't be taken apart

    def __init__(
        self, num_heads, key_dim, num_features=128, chunk_size=64, seed=0, **kwargs
    ):
        super().__init__(num_heads, key_dim, dropout=0.0, block_size=None, **kwargs)
        for name, size in (("num_features", num_features), ("chunk_size", chunk_size)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.num_features = num_features
        self.chunk_size = chunk_size
        self.seed = seed

    def build(self, input_shape):
        self.projection = self.add_weight(
            name="projection",
            shape=(self.num_heads, self.num_features, self.key_dim),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                orthogonal_normals(*shape, self.seed), dtype
            ),
            trainable=False,
            autocast=False,
        )
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        query, key, value = self._featurize(x)
        state = self.init_cache(ops.shape(query)[0], 0)[0]
        return self._sum(query, key, value, state)[0]

    def attention_weights(self, x, features=None):
        """Of the estimate: products of features, which the layer never forms."""
        query, key, _ = self._featurize(x)
        weights = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        mask = masks.causal_mask(ops.shape(query)[2])
        weights = ops.where(mask, weights, 0.0)  # [B, N, T, T]
        return weights / ops.sum(weights, axis=-1, keepdims=True)

    def init_cache(self, batch_size, max_length, dtype=None):
        """Sums over nothing: `[B, N, F, H+1]`, float32 whatever `dtype` says."""
        shape = (batch_size, self.num_heads, self.num_features, self.key_dim + 1)
        return (ops.zeros(shape, "float32"),)

    def extend(self, x, cache, position, features=None):
        y, state = self._sum(*self._featurize(x), cache[0])
        return y, (state,)

    def _featurize(self, x):
        """Features of queries and keys `[B, N, T, F]`, and `[B, N, T, H+1]`: values
        and a one, so that numerator and denominator are one sum. All float32."""
        query, key, value = (ops.cast(part, "float32") for part in self._project(x))
        query, key = query * self.key_dim**0.25, key * self.key_dim**-0.25
        w = ops.transpose(self.projection, (0, 2, 1))  # [N, H, F]
        query = head_matmul(query, w)  # [B, N, T, F]
        key = head_matmul(key, w) - ops.sum(key**2, axis=-1, keepdims=True) / 2
        # A factor of one query cancels in the quotient. A key's exponent is at most
        # |w|^2 / 2, about H / 2: only large heads could ever reach the limit.
        largest = ops.stop_gradient(ops.max(query, axis=-1, keepdims=True))
        query = ops.exp(query - largest)
        key = ops.exp(ops.minimum(key, 60.0)) + 1e-6  # no denominator is zero
        return query, key, ops.pad(value, [[0, 0]] * 3 + [[0, 1]], constant_values=1)

    def _sum(self, query, key, value, state):
        """`[B, T, D]` of `_featurize`'s, after the sums `state`; and the new sums."""
        batch, heads, time, _ = ops.shape(query)
        size = self.chunk_size
        if isinstance(time, int):
            size = min(size, time)
        num_chunks = (time + size - 1) // size

        def chunks(x):
            """`[B, N, T, .]` to `[B, N, K, C, .]`; features of no step are zero."""
            x = ops.pad(x, [[0, 0], [0, 0], [0, num_chunks * size - time], [0, 0]])
            return ops.reshape(x, (batch, heads, num_chunks, size, x.shape[-1]))

        query, key, value = chunks(query), chunks(key), chunks(value)
        weights = ops.matmul(query, ops.transpose(key, (0, 1, 2, 4, 3)))
        weights = ops.where(masks.causal_mask(size), weights, 0.0)  # [B, N, K, C, C]
        sums = ops.matmul(ops.transpose(key, (0, 1, 2, 4, 3)), value)
        # Shifted, then summed: a sum minus its last term would know of that term.
        past = ops.concatenate([state[:, :, None], sums[:, :, :-1]], axis=2)
        past = ops.cumsum(past, axis=2)  # [B, N, K, F, H+1]
        y = ops.matmul(weights, value) + ops.matmul(query, past)  # [B, N, K, C, H+1]
        y = ops.reshape(y, (batch, heads, num_chunks * size, self.key_dim + 1))
        y = y[:, :, :time, :-1] / y[:, :, :time, -1:]  # [B, N, T, H]
        y = self._combine(ops.cast(y, self.compute_dtype))
        return y, past[:, :, -1] + sums[:, :, -1]

    def get_config(self):
        config = super().get_config()
        del config["dropout"], config["block_size"]
        return {
            **config,
            "num_features": self.num_features,
            "chunk_size": self.chunk_size,
            "seed": self.seed,
        }


def orthogonal_normals(num_heads, num_features, key_dim, seed):
    """Normal vectors of which every `key_dim` in turn are orthogonal.

    Each alone is distributed as without that, but together they cover directions
    evenly, which lessens the estimate's variance.

    Returns:
        float64 `[N, F, H]`.
    """
    generator = np.random.default_rng(seed)
    num_blocks = -(-num_features // key_dim)
    normals = generator.normal(size=(num_heads, num_blocks, key_dim, key_dim))
    blocks, triangles = np.linalg.qr(normals)
    # Without these signs directions would not be uniform.
    blocks *= np.sign(np.diagonal(triangles, axis1=-2, axis2=-1))[..., None, :]
    blocks = np.swapaxes(blocks, -2, -1)  # orthogonal columns are as good as rows
    directions = blocks.reshape(num_heads, num_blocks * key_dim, key_dim)
    normals = generator.normal(size=(num_heads, num_features, key_dim))
    lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
    return directions[:, :num_features] * lengths
