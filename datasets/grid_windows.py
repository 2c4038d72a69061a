"""Windows of a grid's cells, some of them masked: what an infiller learns from."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmusic.datasets.augment import Augmentation
from tfmusic.datasets.masking import mask_cells
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.windows import Windows
from tfmusic.errors import UserError
from tfmusic.tokenizers import PAD, ChoraleTokenizer, Tokenizer
from tfmusic.tokenizers.chorale import NUM_VOICES


class GridWindows(Windows):
    """The grids of a split, ready to be cut into windows of whole steps.

    There is no BOS and no EOS here: place t of a window is a cell, and its target is
    the cell itself. `B` windows of `T` cells.

    Args:
        pieces: of one split.
        tokenizer: that made them, a `ChoraleTokenizer`.
        feature_names: features that the model takes.
        length: T.
        augmentation: how training varies them.

    Raises:
        UserError: the tokenizer has no grid, the length is not one of whole steps,
            or the pieces hold no notes.
    """

    step = NUM_VOICES

    def __init__(
        self,
        pieces: Pieces,
        tokenizer: Tokenizer,
        feature_names: Sequence[str],
        length: int,
        augmentation: Augmentation = Augmentation(),  # noqa: B008, it is frozen
    ):
        if not isinstance(tokenizer, ChoraleTokenizer):
            raise UserError(
                f"an infiller fills grids, tokenizer {tokenizer.name} has none: "
                f"--set tokenizer={ChoraleTokenizer.name}"
            )
        if length % NUM_VOICES:
            raise UserError(
                f"windows of {length} cells are not whole steps of {NUM_VOICES} "
                "voices: --set length"
            )
        super().__init__(pieces, tokenizer, feature_names, length, augmentation)
        self.num_inputs = self.num_inputs - 1  # the cells of each piece
        self.num_uniforms = 1 + length

    def cut(self, piece, start, semitones, first_scored):
        """Cuts a batch of windows, with all of their cells.

        Args:
            piece: int64 `[B]`, index of the piece.
            start: int64 `[B]`, first cell of the window within its piece.
            semitones: int32 `[B]`, transposition.
            first_scored: int64 `[B]`, weights before this cell of the window are 0.

        Returns:
            A batch whose targets are its tokens.
        """
        places = tf.range(self.length, dtype=tf.int64)[tf.newaxis]  # [1, T]
        left = tf.gather(self.num_inputs, piece) - start  # [B]
        here = places < left[:, tf.newaxis]  # [B, T]
        first = tf.gather(self.begins, piece) + 1 + start  # [B], past the BOS
        tokens, index = self._tokens_at(first[:, tf.newaxis] + places, here)
        tokens = self.augmenter.transpose(tokens, semitones)
        inputs = {"tokens": tokens, **self._features_at(index, tokens, here)}
        scored = here & (places >= first_scored[:, tf.newaxis])
        return inputs, tokens, tf.cast(scored, tf.float32)

    def cut_for_training(self, piece, start, variation, uniforms):
        """Cuts a batch and masks it: see `mask_cells`.

        Args:
            piece, start: see `cut`.
            variation: a `Variation`, of which a grid has transpositions only.
            uniforms: float32 `[B, 1 + T]`, in [0, 1).
        """
        batch = self.cut(piece, start, variation.semitones, tf.zeros_like(start))
        return self.mask(batch, uniforms)

    def mask(self, batch, uniforms):
        """Hides some cells of a batch of `cut`.

        What a feature says of a masked token is hidden as well.

        Args:
            batch: of `cut`.
            uniforms: float32 `[B, 1 + T]`, in [0, 1).

        Returns:
            The batch with PAD in place of masked tokens; its weights are those of
            `mask_cells` times its own.
        """
        inputs, targets, scored = batch
        masked, weights = mask_cells(targets != PAD, uniforms)
        tokens = tf.where(masked, PAD, targets)
        inputs = {**inputs, "tokens": tokens}
        for name in self.feature_names:
            if name in self._token_features:
                hidden = np.int32(self._token_features[name][PAD])
                inputs[name] = tf.where(masked, hidden, inputs[name])
        return inputs, targets, weights * scored
