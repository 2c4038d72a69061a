"""FNet's encoder block, in this package's convention."""

import keras

from tfmusic.layers.decoder_block import DecoderBlock
from tfmusic.layers.fourier_mixing import FourierMixing


@keras.saving.register_keras_serializable(package="tfmusic")
class FNetBlock(DecoderBlock):
    """Fourier mixing and a feed-forward layer, each behind a layer norm.

    A `DecoderBlock` whose mixer is `FourierMixing`: `x + mixing(norm(x))`, then
    `x + feed_forward(norm(x))`. The paper's block normalizes after each sum instead;
    before it, deep stacks train without a long warm-up. Bidirectional: it has a
    `call`, and no `extend`.

    Args:
        intermediate_dim, activation, dropout: see `DecoderBlock`.

    Reference:
        [Lee-Thorp et al., 2021](https://arxiv.org/abs/2105.03824), section 3.2.
    """

    def __init__(self, intermediate_dim, activation="gelu", dropout=0.0, **kwargs):
        mixer = FourierMixing(dtype=kwargs.get("dtype"), name="mixer")
        super().__init__(mixer, intermediate_dim, activation, dropout, **kwargs)

    def get_config(self):
        config = super().get_config()
        del config["mixer"]  # it follows from what this block is
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**config)
