"""The infiller: an encoder that guesses the missing cells of a chorale's grid."""

import keras

from tfmusic.models.music_transformer import MusicTransformer


@keras.saving.register_keras_serializable(package="tfmusic")
class ChoraleInfiller(MusicTransformer):
    """A bidirectional transformer: each cell's distribution given all that are known.

    The grid of a chorale is read in `ChoraleTokenizer`'s order: soprano, alto, tenor
    and bass of each 16th. An unknown cell holds PAD in place of its token, but has
    its features (voice, beat); what lies past the end of the music holds PAD and
    features of 0. So the vocabulary is the tokenizer's, and a token of its own for
    what is masked is not needed.

    Trained on windows with any number of cells masked, it is an orderless NADE: it
    scores and samples cells in every order. See `tfmusic.datasets.masking` for the
    training, `tfmusic.training.orderings` for likelihoods and
    `tfmusic.sampling.infiller` for filling gaps.

    Fourier mixers depend on the length of their input: give windows of `max_length`
    cells, as in training, also where the music is shorter.

    Args:
        **config: the fields of `tfmusic.ModelConfig`, and Keras's `name`, `dtype`;
            `mixer` names one, or one for each layer, of
            `tfmusic.models.mixers.ENCODER_MIXERS`.

    Raises:
        UserError: a size is not positive.
        ValueError: the config is inconsistent.

    References:
        [Huang et al., 2017](https://arxiv.org/abs/1903.07227) (CoCoNet), section 4;
        [Uria et al., 2014](https://arxiv.org/abs/1310.1757), for the orderless NADE;
        [Lee-Thorp et al., 2022](https://arxiv.org/abs/2105.03824), for Fourier mixing
        in encoders.
    """

    kind = "infiller"
    causal = False
