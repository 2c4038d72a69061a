"""Shaw's relative attention, with embeddings for keys and for values."""

import keras
from keras import ops

from tfmusic.layers import intervals
from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention
from tfmusic.layers.relative import DistanceTerm


@keras.saving.register_keras_serializable(package="tfmusic")
class ShawAttention(CausalMultiHeadAttention):
    """Attention with an embedding of the distance in keys and in values.

    All heads share the embeddings. The paper gathers a `[T, T, H]` tensor of them;
    here the logits are skewed from distance to position, the weights the other way,
    and both meet the `[L, H]` tables in a matrix product.

    Args:
        max_distance: number of distances with an embedding of their own, counting
            0, oneself; farther ones are clipped to the longest.
        num_heads, key_dim, dropout, use_bias, block_size: see
            `CausalMultiHeadAttention`.

    Reference:
        [Shaw et al., 2018](https://arxiv.org/abs/1803.02155), sections 3.1 to 3.3.
    """

    def __init__(self, num_heads, key_dim, max_distance, **kwargs):
        super().__init__(num_heads, key_dim, **kwargs)
        if max_distance < 1:
            raise ValueError(f"max_distance must be at least 1, got {max_distance}")
        self.max_distance = max_distance

    def build(self, input_shape):
        shape = (1, self.max_distance, self.key_dim)  # the last row is distance 0
        initializer = intervals.table_initializer(self.key_dim)
        self.key_embedding = self.add_weight(
            name="key_embedding", shape=shape, initializer=initializer
        )
        self.value_embedding = self.add_weight(
            name="value_embedding", shape=shape, initializer=initializer
        )
        super().build(input_shape)

    def distance_term(self, query, features):
        return DistanceTerm(
            query,
            ops.convert_to_tensor(self.key_embedding),
            ops.convert_to_tensor(self.value_embedding),
        )

    def get_config(self):
        return {**super().get_config(), "max_distance": self.max_distance}
