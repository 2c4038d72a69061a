"""What attentions that see the whole sequence have in common."""

import keras
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
    init_cache = TokenMixer.init_cache
    extend = TokenMixer.extend

    def build(self, input_shape):
        super().build(input_shape)
        self.attention_dropout = keras.layers.Dropout(self.dropout, dtype="float32")

    def _attend(self, logits, value, training):
        """`[B, T, D]` of float32 logits `[B, N, T, S]` and values `[B, N, S, H]`."""
        weights = tf.nn.softmax(logits)  # Keras's warns where there is one key
        weights = self.attention_dropout(weights, training=training)
        y = ops.matmul(ops.cast(weights, value.dtype), value)  # [B, N, T, H]
        return self._combine(y)
