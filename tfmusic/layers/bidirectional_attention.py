"""Full attention both ways, that hears how far away each key is and on which side."""

import keras
import tensorflow as tf
from keras import ops

from tfmusic.layers import masks
from tfmusic.layers.encoder_attention import EncoderAttention
from tfmusic.layers.head_matmul import head_matmul
from tfmusic.layers.segments import starts_of


@keras.saving.register_keras_serializable(package="tfmusic")
class BidirectionalAttention(EncoderAttention):
    """Attention to all tokens, before and after, with a relative term.

    Each head has an embedding for every offset, `key - query`, from
    `-(max_distance - 1)` to `max_distance - 1`; its product with the query is added
    to the logits by skewing, without a `[T, T, H]` tensor. Keys farther away use
    the embedding of the farthest offset on their side.

    Not causal: an encoder's mixer, as tokens see what follows them.

    Axis letters: `B` batch, `T` time, `N` heads, `H` size of a head, `D` model, `L`
    offsets, `2 * max_distance - 1`.

    Args:
        max_distance: number of distances with embeddings of their own on each side,
            counting 0, oneself.
        num_heads, key_dim, dropout, use_bias: see `CausalMultiHeadAttention`.

    Raises:
        ValueError: `max_distance` is not positive.

    References:
        [Shaw et al., 2018](https://arxiv.org/abs/1803.02155), section 3.2, for the
        embeddings of offsets both ways;
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 3.4, for
        skewing.
    """

    supports_segments = True

    def __init__(self, num_heads, key_dim, max_distance, **kwargs):
        super().__init__(num_heads, key_dim, **kwargs)
        if max_distance < 1:
            raise ValueError(f"max_distance must be at least 1, got {max_distance}")
        self.max_distance = max_distance

    def build(self, input_shape):
        self.offset_embedding = self.add_weight(
            name="offset_embedding",  # the middle row is offset 0
            shape=(self.num_heads, 2 * self.max_distance - 1, self.key_dim),
            initializer=keras.initializers.RandomNormal(stddev=self.key_dim**-0.5),
        )
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        query, key, value = self._project(x)  # [B, N, T, H] each
        return self._weigh(self._logits(query, key, features), value, training)

    def attention_weights(self, x, features=None):
        query, key, _ = self._project(x)
        return tf.nn.softmax(self._logits(query, key, features))

    def _logits(self, query, key, features):
        """float32 `[B, N, T, T]`."""
        table = ops.cast(self.offset_embedding, query.dtype)  # [N, L, H]
        offsets = head_matmul(query, ops.transpose(table, (0, 2, 1)))  # [B, N, T, L]
        offsets = clip_offsets(ops.cast(offsets, "float32"), ops.shape(query)[2])
        logits = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))  # [B, N, T, T]
        logits = ops.cast(logits, "float32") + offset_to_absolute(offsets)
        starts = starts_of(features)
        if starts is not None:
            logits = masks.mask_logits(logits, masks.segment_mask(starts))
        return logits

    def get_config(self):
        return {**super().get_config(), "max_distance": self.max_distance}


def clip_offsets(logits, time):
    """Makes a column for each offset from `-(T - 1)` to `T - 1`.

    Args:
        logits: `[..., L]`, L odd, the middle column scores offset 0.
        time: T, an integer or an integer tensor.

    Returns:
        `[..., 2T - 1]`: the middle columns, or the outermost repeated on each side.
    """
    known = logits.shape[-1]
    spare = (known + 1) // 2 - time  # on each side; negative where some are missing
    if isinstance(spare, int):
        drop, missing = max(spare, 0), max(-spare, 0)
    else:
        drop, missing = ops.maximum(spare, 0), ops.maximum(-spare, 0)
    logits = logits[..., drop : known - drop]
    repeats = [1] * (len(logits.shape) - 1) + [missing]
    before = ops.tile(logits[..., :1], repeats)
    after = ops.tile(logits[..., -1:], repeats)
    return ops.concatenate([before, logits, after], axis=-1)


def offset_to_absolute(logits):
    """Reindexes logits from offset to key position: skewing, both ways.

    Flat, with one column added, the score of query t for key s stands at
    `(T - 1) + t * (2T - 1) + s`: drop what is before, and rows of `2T - 1` begin
    with the T keys.

    Args:
        logits: `[B, N, T, 2T - 1]`, column c scores offset `c - (T - 1)`.

    Returns:
        `[B, N, T, T]`, last axis indexed by key position.
    """
    batch, heads, time, width = ops.shape(logits)
    logits = ops.pad(logits, [[0, 0], [0, 0], [0, 0], [0, 1]])  # [B, N, T, 2T]
    logits = ops.reshape(logits, (batch, heads, time * (width + 1)))
    logits = logits[..., time - 1 : time - 1 + time * width]
    return ops.reshape(logits, (batch, heads, time, width))[..., :time]
