"""Dropout on attention weights that costs less than the attention."""

import keras
import tensorflow as tf

# An integer hash of two multiplications, by Chris Wellons' search for low bias.
_HASH = ((16, 0x7FEB352D), (15, 0x846CA68B), (16, None))


@keras.saving.register_keras_serializable(package="tfmusic")
class AttentionDropout(keras.layers.Layer):
    """Drops attention weights by a hash of where they stand.

    A counter-based generator of random numbers takes longer for all `B * N * T * S`
    weights than the attention itself. Here a weight is kept if an integer hash of
    the step's seed and of its batch row, head, query and key says so: a few integer
    operations that XLA fuses with the softmax. Any block of the weights can be
    dropped by itself, now and once more in the backward pass, and blockwise attention
    drops what the plain form drops.

    Args:
        rate: the share of weights to drop.
    """

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be in [0, 1), got {rate}")
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator() if rate else None
        self.supports_masking = True

    def next_seed(self, training):
        """int32 `[2]` for this call, or None where nothing is to be dropped."""
        if not training or self.seed_generator is None:
            return None
        return tf.cast(self.seed_generator.next(), tf.int32)

    def call(self, weights, training=None):
        """`[B, N, T, S]` with dropped weights zero and the others scaled up."""
        seed = self.next_seed(training)
        if seed is None:
            return weights
        scale = keep_scale(seed, self.rate, tf.shape(weights))
        return weights * tf.cast(scale, weights.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


def keep_scale(seed, rate, shape, first_query=0, first_key=0):
    """What a block of weights is multiplied with: 0 or `1 / (1 - rate)`.

    Args:
        seed: int32 `[2]`.
        rate: the share of zeros.
        shape: `[B, N, T, S]`, int32 `[4]`.
        first_query, first_key: where the block stands, int32 scalars.

    Returns:
        float32 `[B, N, T, S]`, a function of the seed and each weight's indices.
    """
    batch, heads, num_queries, num_keys = tf.unstack(tf.cast(shape, tf.int32))
    hashed = _hash(tf.cast(seed[0], tf.uint32))
    hashed = _hash(hashed ^ tf.cast(seed[1], tf.uint32))
    rows = tf.cast(tf.range(batch * heads), tf.uint32)
    hashed = _hash(hashed ^ rows)  # [B*N]
    hashed = tf.reshape(hashed, [batch, heads, 1, 1])
    queries = tf.cast(first_query + tf.range(num_queries), tf.uint32)
    hashed = _hash(hashed ^ queries[:, None])  # [B, N, T, 1]
    keys = tf.cast(first_key + tf.range(num_keys), tf.uint32)
    hashed = _hash(hashed ^ keys)  # [B, N, T, S]
    kept = hashed >= tf.constant(int(rate * 2**32), tf.uint32)
    return tf.where(kept, 1 / (1 - rate), 0.0)


def _hash(x):
    """Mixes the bits of uint32 numbers, one to one."""
    for shift, factor in _HASH:
        x ^= tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32))
        if factor is not None:
            x *= tf.constant(factor, tf.uint32)
    return x
