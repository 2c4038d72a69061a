"""An infiller's inputs of one piece, in numpy: for scoring and for filling."""

from collections.abc import Sequence

import numpy as np

from tfmusic.tokenizers import PAD, ChoraleTokenizer
from tfmusic.tokenizers.chorale import NUM_VOICES


class GridReader:
    """Looks at the grid of a piece through windows, as `GridWindows` does in training.

    `R` windows of `T` cells; `C` cells of the piece.

    Args:
        num_cells: C, whole steps.
        tokenizer: of the model.
        feature_names: features that the model takes.
        length: T, whole steps.
    """

    def __init__(
        self,
        num_cells: int,
        tokenizer: ChoraleTokenizer,
        feature_names: Sequence[str],
        length: int,
    ):
        self.num_cells = num_cells
        self.length = length
        self._feature_names = feature_names
        self._grammar = tokenizer.grammar
        # Every cell is music, so that any such id leads through the same states.
        rests = np.full(num_cells, tokenizer.vocabulary.encode("REST", 0))
        self._states = self._grammar.states(rests)[1:]  # [C]

    def starts(self, cells: np.ndarray, before: float) -> np.ndarray:
        """The first cell of a window for each cell, within the piece where it can be.

        Args:
            cells: int `[R]`.
            before: the part of the window that precedes the cell's step.

        Returns:
            int `[R]`, whole steps.
        """
        steps = cells // NUM_VOICES - int(before * self.length) // NUM_VOICES
        last = max(self.num_cells - self.length, 0)
        return np.clip(steps * NUM_VOICES, 0, last)

    def index(self, starts: np.ndarray) -> np.ndarray:
        """The cells that windows show: int `[R, T]`; C and more are past the end."""
        return starts[:, np.newaxis] + np.arange(self.length)

    def inputs(self, index: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
        """A model's inputs.

        Args:
            index: of `index`.
            tokens: int `[R, T]`, PAD for unknown cells; what they are past the end
                does not matter.

        Returns:
            int32 `[R, T]` each: tokens and features.
        """
        here = index < self.num_cells
        tokens = np.where(here, tokens, PAD).astype(np.int32)
        states = self._states[np.minimum(index, self.num_cells - 1)]
        features = self._grammar.features(states, tokens)
        inputs = {name: np.where(here, features[name], 0) for name in features}
        return {
            "tokens": tokens,
            **{name: inputs[name].astype(np.int32) for name in self._feature_names},
        }
