"""Attention weights that each token makes by itself."""

import keras
from keras import ops

from tfmusic.layers.head_matmul import head_matmul
from tfmusic.layers.heads import split_heads
from tfmusic.layers.synthesizer import Synthesizer


@keras.saving.register_keras_serializable(package="tfmusic")
class DenseSynthesizer(Synthesizer):
    """Attention whose logits over key positions a small network makes of each token.

    Two layers with a ReLU between, on each token alone: a token says which positions
    it wants, whatever stands there. Cost still grows with T squared.

    All positions past the last of `max_length` are taken as that last one.

    Args:
        num_heads, key_dim, max_length, dropout, use_bias: see `Synthesizer`;
            `key_dim` is also the width of the network's hidden layer, for each head.

    Reference:
        [Tay et al., 2021](https://arxiv.org/abs/2005.00743), section 3.1 (dense
        synthesizer).
    """

    def build(self, input_shape):
        self.hidden_dense = self._dense("hidden", input_shape, self.use_bias)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_heads, self.key_dim, self.max_length),
            # As much as the logits of scaled dot-product attention vary.
            initializer=keras.initializers.RandomNormal(stddev=self.key_dim**-0.5),
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.num_heads, 1, self.max_length), autocast=False
            )
        super().build(input_shape)

    def position_logits(self, x, position):
        hidden = split_heads(ops.relu(self.hidden_dense(x)), self.num_heads)
        columns = self.max_length
        if position is None and x.shape[1] is not None:
            columns = min(columns, x.shape[1])  # none asks for what follows
        kernel = ops.cast(self.kernel, hidden.dtype)[..., :columns]  # [N, H, P]
        logits = ops.cast(head_matmul(hidden, kernel), "float32")  # [B, N, T, P]
        if self.bias is not None:
            logits += self.bias[..., :columns]
        return logits
