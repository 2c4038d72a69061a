"""The parts of a piece that likelihoods are told by: voices, or kinds of events."""

import numpy as np
import tensorflow as tf

from tfmusic.tokenizers import EOS, Tokenizer
from tfmusic.tokenizers.grid import VOICES


class TokenGroups:
    """Which part of the music each token is of.

    Voices where the tokenizer's tokens are of voices in turn, else the ranges of its
    vocabulary: notes, time, loudness. The ends of pieces are a group of their own.

    Args:
        tokenizer: of the tokens.

    Attributes:
        names: of the groups, in lower case; the ends' is not among them.
        feature_names: what inputs have to hold besides the model's own features.
    """

    def __init__(self, tokenizer: Tokenizer):
        self._by_voice = "voice" in tokenizer.features
        if self._by_voice:
            names, self.feature_names = VOICES, ("voice",)
        else:
            vocabulary = tokenizer.vocabulary
            names, self.feature_names = [x.name for x in vocabulary.ranges], ()
            self._group_of_id = np.zeros(vocabulary.size, np.int32)
            for group, name in enumerate(names):
                self._group_of_id[slice(*vocabulary.span(name))] = group
        self.names = tuple(name.lower() for name in names)

    def sums(self, inputs, targets, next_voice: bool, *values):
        """Sums over the tokens of each group and, last, over the ends of pieces.

        Args:
            inputs: a batch's, int32 `[B, T]` each.
            targets: int32 `[B, T]`.
            next_voice: whether a target is of the voice after its input's, as where
                it is what follows; else it is of the same.
            *values: float32 `[B, T]` each, `C` of them.

        Returns:
            float32 `[G + 1, C]`.
        """
        if self._by_voice:  # 0 is BOS, soprano follows it and bass
            voice = inputs["voice"] if next_voice else inputs["voice"] - 1
            groups = voice % len(VOICES)
        else:
            groups = tf.gather(self._group_of_id, targets)
        groups = tf.where(targets == EOS, len(self.names), groups)
        # Not a matrix product, which some devices round their inputs for.
        is_of = tf.one_hot(groups, len(self.names) + 1)[..., None]  # [B, T, G + 1, 1]
        values = tf.stack(values, axis=-1)[:, :, None]  # [B, T, 1, C]
        return tf.reduce_sum(is_of * values, axis=[0, 1])

    def report(self, nats: np.ndarray, tokens: np.ndarray) -> dict[str, dict]:
        """The scores of the groups that there are tokens of.

        Args:
            nats: float64 `[G]`, sums.
            tokens: float64 `[G]`, counts.

        Returns:
            `nats_by`, nats per token of each group by its name, and `tokens_by`, its
            number of tokens.
        """
        there = [group for group in range(len(self.names)) if tokens[group]]
        return {
            "nats_by": {self.names[g]: float(nats[g] / tokens[g]) for g in there},
            "tokens_by": {self.names[g]: round(float(tokens[g])) for g in there},
        }
