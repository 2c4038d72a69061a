"""From a file with gaps to music without: what `--infill` does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music import read_sequence
from tfmusic.sampling.gaps import find_gaps, read_score
from tfmusic.sampling.infiller import Infiller
from tfmusic.sampling.infillers import load_infiller
from tfmusic.sampling.samplers import Sampler
from tfmusic.tokenizers.grid import REST

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence


class ScoreFilling:
    """A score, its gaps and the model that fills them.

    What is given stays: its pitches and where its notes begin, on the grid of 16ths.

    Args:
        model_dir: a run's folder or a .tflite file, of an infiller.
        path: a music file.
        voices: to fill, counted from soprano, 0.
        bars: to fill, counted from 1; see `find_gaps` for what is chosen else.

    Raises:
        UserError: the model is another, the file can't be read, or there is nothing
            to fill.
    """

    def __init__(
        self,
        model_dir: str,
        path: str,
        voices: Sequence[int] = (),
        bars: Sequence[int] = (),
    ):
        self._infiller = load_infiller(model_dir)
        self.tokenizer = self._infiller.tokenizer
        sequence = read_sequence(path)
        try:
            self.score = read_score(sequence)
            self.gaps = find_gaps(self.score, voices, bars)  # [steps, 4]
            given = np.where(self.gaps, REST, self.score.grid)
            self._ids = self.tokenizer.grid_to_ids(given)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    @property
    def is_compiled(self) -> bool:
        """Whether the first pass takes longer than the others."""
        return isinstance(self._infiller, Infiller)

    @property
    def num_gaps(self) -> int:
        """Cells to fill."""
        return int(self.gaps.sum())

    def fill(
        self,
        sampler: Sampler,
        seed: int = 0,
        number: int = 0,
        method: str = "gibbs",
        num_steps: int = 128,
    ) -> "NoteSequence":
        """The whole piece, filled: see `Infiller.fill` for the arguments."""
        unknown = self.gaps.reshape(-1)  # [C]
        ids = self._infiller.fill(
            self._ids, unknown, sampler, seed, number, method, num_steps
        )
        grid, _ = self.tokenizer.ids_to_grid(ids)
        return self.tokenizer.grid_to_sequence(
            grid, self.score.qpm, self.score.onsets & ~self.gaps
        )
