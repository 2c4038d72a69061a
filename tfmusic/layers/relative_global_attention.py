"""The Music Transformer's relative global attention."""

import keras
from keras import ops

from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention


@keras.saving.register_keras_serializable(package="tfmusic")
class RelativeGlobalAttention(CausalMultiHeadAttention):
    """Attention that hears how far away each key is.

    Each head has an embedding for every distance; its product with the query is
    added to the logits, by skewing: `[T, H]` embeddings instead of the `[T, T, H]`
    tensor of earlier relative attention. The `[T, T]` logits remain, so memory is
    not linear in T.

    Keys farther away than `max_distance - 1` use the longest distance's embedding,
    in training, in decoding and in exported graphs alike.

    Args:
        max_distance: number of distances with an embedding of their own, counting
            0, oneself.
        num_heads, key_dim, dropout, use_bias: see `CausalMultiHeadAttention`.

    Reference:
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 3.4.
    """

    def __init__(self, num_heads, key_dim, max_distance, **kwargs):
        super().__init__(num_heads, key_dim, **kwargs)
        if max_distance < 1:
            raise ValueError(f"max_distance must be at least 1, got {max_distance}")
        self.max_distance = max_distance

    def build(self, input_shape):
        self.distance_embedding = self.add_weight(
            name="distance_embedding",  # the last row is distance 0
            shape=(self.num_heads, self.max_distance, self.key_dim),
            initializer=keras.initializers.RandomNormal(stddev=self.key_dim**-0.5),
        )
        super().build(input_shape)

    def distance_logits(self, query, num_distances):
        table = ops.cast(self.distance_embedding, query.dtype)  # [N, L, H]
        if isinstance(num_distances, int) and num_distances < self.max_distance:
            table = table[:, self.max_distance - num_distances :]
        logits = ops.matmul(query, ops.transpose(table, (0, 2, 1)))  # [B, N, T, L]
        return ops.cast(logits, "float32")

    def get_config(self):
        return {**super().get_config(), "max_distance": self.max_distance}
