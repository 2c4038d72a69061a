"""What attentions that see the whole sequence have in common."""

import tensorflow as tf
from keras import ops

from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention
from tfmusic.layers.token_mixer import TokenMixer


class EncoderAttention(CausalMultiHeadAttention):
    """The projections of attention, without its order of time and its cache.

    Every token sees all tokens, those that follow it as well, so an encoder may use
    it and a decoder may not. A subclass implements `call`.

    Args:
        num_heads, key_dim, dropout, use_bias: see `CausalMultiHeadAttention`.
    """

    causal = False
    cache_kinds = ()
    supports_segments = False
    attention_weights = TokenMixer.attention_weights
    init_cache = TokenMixer.init_cache
    extend = TokenMixer.extend

    def __init__(self, num_heads, key_dim, dropout=0.0, use_bias=True, **kwargs):
        super().__init__(
            num_heads, key_dim, dropout, use_bias, block_size=None, **kwargs
        )

    def _weigh(self, logits, value, training):
        """`[B, T, D]` of float32 logits `[B, N, T, S]` and values `[B, N, S, H]`."""
        weights = tf.nn.softmax(logits)  # Keras's warns where there is one key
        weights = self.weights_dropout(weights, training=training)
        y = ops.matmul(ops.cast(weights, value.dtype), value)  # [B, N, T, H]
        return self._combine(y)

    def get_config(self):
        config = super().get_config()
        del config["block_size"]
        return config
