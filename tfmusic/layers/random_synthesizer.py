"""Attention weights that are learned once for all sequences."""

import keras
from keras import ops

from tfmusic.layers.synthesizer import Synthesizer, repeat_last


@keras.saving.register_keras_serializable(package="tfmusic")
class RandomSynthesizer(Synthesizer):
    """Attention with one learned matrix of logits, from position to position.

    What is attended to does not depend on the tokens at all; only the values do. The
    matrix begins at random, hence the name, and is trained.

    All positions past the last of `max_length` are taken as that last one.

    Args:
        num_heads, key_dim, max_length, dropout, use_bias: see `Synthesizer`. With
            dropout, the same weights are dropped in all of a batch.

    Reference:
        [Tay et al., 2021](https://arxiv.org/abs/2005.00743), section 3.2 (random
        synthesizer).
    """

    def build(self, input_shape):
        self.logits = self.add_weight(
            name="logits",
            shape=(self.num_heads, self.max_length, self.max_length),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            autocast=False,
        )
        super().build(input_shape)

    def position_logits(self, x, position):
        time = ops.shape(x)[1]
        if position is None:
            return repeat_last(self.logits.value, time, axis=-2)[None]  # [1, N, T, P]
        positions = ops.minimum(position + ops.arange(time), self.max_length - 1)
        return ops.take(self.logits, positions, axis=1)[None]
