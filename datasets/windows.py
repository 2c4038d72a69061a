"""Pieces that windows are cut out of, inside a TensorFlow graph."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmusic.datasets.augment import Augmentation, Augmenter
from tfmusic.datasets.pieces import Pieces
from tfmusic.errors import UserError
from tfmusic.tokenizers import BOS, EOS, PAD, Tokenizer


class Windows:
    """The pieces of a split, ready to be cut into windows inside a TensorFlow graph.

    Features are those of the whole piece, found before anything is cut: a window
    can't recover its beat. `P` pieces, `B` windows of `T` tokens.

    Args:
        pieces: of one split.
        tokenizer: that made them.
        feature_names: features that the model takes.
        length: T.
        augmentation: how training varies them.

    Attributes:
        step: windows begin at its multiples.
        num_uniforms: random numbers that a window takes in training.
        num_inputs: int64 `[P]`, of each piece: its tokens and BOS.
        begins: int64 `[P]`, where each piece's BOS stands among all tokens.
        transpositions: int32 `[P, 2]`, the lowest and the highest of each piece.

    Raises:
        UserError: the pieces hold no notes, or the tokenizer has no ids for what is
            to be varied.
    """

    step = 1
    num_uniforms = 0

    def __init__(
        self,
        pieces: Pieces,
        tokenizer: Tokenizer,
        feature_names: Sequence[str],
        length: int,
        augmentation: Augmentation = Augmentation(),  # noqa: B008, it is frozen
    ):
        if not pieces.num_notes.sum():
            raise UserError(
                f"there are no notes in the {len(pieces)} pieces of a split: prepare "
                "a data set with notes in train, validation and test"
            )
        self.length = length
        self.feature_names = tuple(feature_names)
        self.augmenter = Augmenter(augmentation, tokenizer)
        # A piece is BOS, its ids, EOS; it has one input less than that.
        self.num_inputs = np.diff(pieces.offsets) + 1
        if pieces.unfinished is not None:
            self.num_inputs -= pieces.unfinished  # EOS is no target of theirs
        self.begins = pieces.offsets[:-1] + 2 * np.arange(len(pieces))
        self.transpositions = np.zeros([len(pieces), 2], np.int32)
        grammar = tokenizer.grammar
        num_states = len(grammar.next_state)
        tokens = np.empty(pieces.num_tokens + 2 * len(pieces), pieces.ids.dtype)
        # Of a single state nothing needs to be kept.
        states = np.zeros(len(tokens) if num_states > 1 else 1, np.int32)
        for index, begin in enumerate(self.begins):
            ids = pieces.piece(index)
            tokens[begin] = BOS
            tokens[begin + 1 : begin + 1 + len(ids)] = ids
            tokens[begin + 1 + len(ids)] = EOS
            if num_states > 1:
                states[begin : begin + len(ids) + 1] = grammar.states(ids)
            if augmentation.transpose:
                room = tokenizer.transpose_range(ids, augmentation.pitch_range)
                most = augmentation.transpose
                self.transpositions[index] = max(room[0], -most), min(room[1], most)
        # Tensors, which a graph refers to: it would copy arrays into itself.
        with tf.device("CPU"):
            self._tokens = tf.constant(tokens)
            self._states = tf.constant(states)
        self._state_features = grammar.state_features
        self._token_features = grammar.token_features

    def cut(self, piece, start, semitones, first_scored):
        """Cuts a batch of windows.

        Args:
            piece: int64 `[B]`, index of the piece.
            start: int64 `[B]`, first input of the window within its piece.
            semitones: int32 `[B]`, transposition.
            first_scored: int64 `[B]`, weights before this input of the window are 0.

        Returns:
            A batch.
        """
        tokens, index = self._tokens_from(piece, start, self.length + 1)
        tokens = self.augmenter.transpose(tokens, semitones)
        return self._batch(tokens, index[:, :-1], first_scored)

    def cut_for_training(self, piece, start, variation, uniforms):
        """Cuts a batch of windows and varies them; all of them are scored.

        Args:
            piece, start: see `cut`.
            variation: a `Variation`.
            uniforms: float32 `[B, num_uniforms]` in [0, 1).
        """
        source_length = self.augmenter.source_length(self.length + 1)
        tokens, index = self._tokens_from(piece, start, source_length)
        tokens = self.augmenter.transpose(tokens, variation.semitones)
        tokens = self.augmenter.vary(tokens, variation, self.length + 1)
        # Where lengths change, no feature depends on the index.
        return self._batch(tokens, index[:, : self.length], tf.zeros_like(start))

    def pairs_at(self, piece, place, here, semitones):
        """Inputs and targets of any places, each of a piece of its own.

        Args:
            piece: int64 `[B, T]`.
            place: int64 `[B, T]`, of the input within its piece.
            here: bool `[B, T]`; elsewhere is PAD.
            semitones: int32 `[B, T]`, transposition.

        Returns:
            int32 `[B, T]` twice, and the inputs' index for `inputs_at`.
        """
        index = tf.gather(self.begins, piece) + place
        tokens, index = self._tokens_at(index, here)
        targets, _ = self._tokens_at(index + 1, here)
        transpose = self.augmenter.transpose
        return transpose(tokens, semitones), transpose(targets, semitones), index

    def inputs_at(self, index, tokens, here):
        """A model's inputs: tokens `[B, T]` and their features, 0 where not `here`."""
        return {"tokens": tokens, **self._features_at(index, tokens, here)}

    def _tokens_from(self, piece, start, count):
        """int32 `[B, count]`, PAD behind the piece's end, and where they stand."""
        steps = tf.range(count, dtype=tf.int64)[tf.newaxis]
        left = tf.gather(self.num_inputs, piece) - start  # [B], inputs to the end
        here = steps <= left[:, tf.newaxis]
        index = (tf.gather(self.begins, piece) + start)[:, tf.newaxis] + steps
        return self._tokens_at(index, here)

    def _batch(self, tokens, index, first_scored):
        """A batch of the tokens `[B, T + 1]`; those before the last at `[B, T]`."""
        targets = tokens[:, 1:]
        filled = targets != PAD  # the places that have a target
        inputs = {"tokens": tf.where(filled, tokens[:, :-1], PAD)}
        inputs |= self._features_at(index, inputs["tokens"], filled)
        steps = tf.range(self.length, dtype=tf.int64)[tf.newaxis]
        scored = filled & (steps >= first_scored[:, tf.newaxis])
        return inputs, targets, tf.cast(scored, tf.float32)

    def _tokens_at(self, index, here):
        """int32 tokens at int64 `[B, T]`, PAD where not `here`; a safe index."""
        index = tf.minimum(index, len(self._tokens) - 1)
        tokens = tf.cast(tf.gather(self._tokens, index), tf.int32)
        return tf.where(here, tokens, PAD), index

    def _features_at(self, index, tokens, here):
        """The features of `_tokens_at`'s tokens, 0 where not `here`."""
        features = {}
        if len(self._states) == 1:
            index = tf.zeros_like(index)
        states = tf.gather(self._states, index)
        for name in self.feature_names:
            if name in self._state_features:
                values = tf.gather(self._state_features[name], states)
            else:
                values = tf.gather(self._token_features[name], tokens)
            features[name] = tf.where(here, values, 0)
        return features
