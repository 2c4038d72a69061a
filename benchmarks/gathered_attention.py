"""Relative attention as it was before skewing, to be measured against."""

from keras import ops

from tfmusic.layers import RelativeGlobalAttention, TokenMixer, masks


class GatheredRelativeAttention(TokenMixer):
    """`RelativeGlobalAttention` whose embeddings are gathered for every pair of tokens.

    They make a tensor of `[T, T, H]` for each head.

    Args:
        **options: those of `RelativeGlobalAttention`, whose weights it has.

    Reference:
        [Shaw et al., 2018](https://arxiv.org/abs/1803.02155), section 3.2.
    """

    def __init__(self, name=None, dtype=None, **options):
        super().__init__(name=name, dtype=dtype)
        self.skewed = RelativeGlobalAttention(**options, dtype=dtype)

    def build(self, input_shape):
        self.skewed.build(input_shape)
        super().build(input_shape)

    def call(self, x, features=None, training=None):
        layer = self.skewed
        batch, time, _ = ops.shape(x)
        heads, size = layer.num_heads, layer.key_dim
        projected = ops.reshape(layer.query_key_value(x), (batch, time, 3, heads, size))
        query, key, value = ops.unstack(projected, axis=2)  # [B, T, N, H] each
        query *= size**-0.5
        steps = ops.arange(time)
        distances = ops.clip(steps[:, None] - steps, 0, layer.max_distance - 1)
        table = ops.take(
            layer.distance_embedding, layer.max_distance - 1 - distances, axis=1
        )  # [N, T, T, H]
        logits = ops.einsum("btnh,bsnh->bnts", query, key)
        logits += ops.einsum("btnh,ntsh->bnts", query, table)
        logits = ops.where(masks.causal_mask(time), logits, masks.MASKED)
        y = ops.einsum("bnts,bsnh->btnh", ops.softmax(logits), value)
        return layer.output_dense(ops.reshape(y, (batch, time, heads * size)))
