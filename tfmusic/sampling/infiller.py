"""Fills the unknown cells of a grid, all at once and again, or one by one."""

import numpy as np
import tensorflow as tf

from tfmusic.datasets.grid_reader import GridReader
from tfmusic.sampling.samplers import MASKED, Sampler, sample
from tfmusic.tokenizers import NUM_SPECIAL, PAD, ChoraleTokenizer
from tfmusic.tokenizers.chorale import NUM_VOICES

METHODS = ("gibbs", "ancestral")

# Of the annealing: see `masking_probability`.
HIGHEST, LOWEST, ANNEALED = 0.9, 0.1, 0.7


def masking_probability(step: int, num_steps: int) -> float:
    """The chance of each cell to be drawn anew: it falls in a line, then stays low.

    `max(low, high - step * (high - low) / (annealed * num_steps))`.

    References:
        [Yao et al., 2014](https://arxiv.org/abs/1409.0585), section 3.2;
        [Huang et al., 2017](https://arxiv.org/abs/1903.07227), section 6, and the
        values in the code published with it.
    """
    fallen = (HIGHEST - LOWEST) * step / (ANNEALED * num_steps)
    return max(LOWEST, HIGHEST - fallen)


class Infiller:
    """Fills gaps with a ChoraleInfiller in memory; what is known stays as it is.

    "gibbs": all unknown cells are drawn at once, each on its own; then, step after
    step, a random part of them is masked and drawn again given all others. The part
    shrinks, so that cells come to agree with each other. "ancestral": cells are drawn
    one by one in a random order, each given all before it, a pass of the model each.

    Music longer than the model's windows is read by windows that overlap by half;
    each cell is drawn from the window in whose middle it is nearest.

    Args:
        model: a `ChoraleInfiller`.
        tokenizer: the one that the model was trained with.
        jit_compile: whether XLA compiles a pass.
    """

    def __init__(self, model, tokenizer: ChoraleTokenizer, jit_compile: bool = True):
        self.model = model
        self.tokenizer = tokenizer
        self._pass = tf.function(self._sample_cells, jit_compile=jit_compile)

    def fill(
        self,
        ids: np.ndarray,
        unknown: np.ndarray,
        sampler: Sampler | None = None,
        seed: int = 0,
        number: int = 0,
        method: str = "gibbs",
        num_steps: int = 128,
    ) -> np.ndarray:
        """Fills the unknown cells of a piece.

        Args:
            ids: int `[C]`, a piece's, of whole steps.
            unknown: bool `[C]`, the cells to fill; what `ids` has there is ignored.
            sampler: the settings, by default `Sampler()`. Repetition is not penalized.
            seed: 0 or more; the same seed gives the same music.
            number: of the piece, where several are wanted of a seed.
            method: "gibbs" or "ancestral".
            num_steps: of Gibbs sampling, the first one included.

        Returns:
            int32 `[C]`.

        Raises:
            ValueError: the method is unknown, or `num_steps` is less than 1.
        """
        if method not in METHODS:
            raise ValueError(f"method {method!r}: expected one of {METHODS}")
        if num_steps < 1:
            raise ValueError(f"num_steps must be 1 or more, not {num_steps}")
        rng = np.random.Generator(np.random.Philox(seed).jumped(number))
        sampler = sampler or Sampler()
        cells = np.flatnonzero(unknown)  # [U]
        ids = np.where(unknown, PAD, ids).astype(np.int32)
        reader = GridReader(
            len(ids), self.tokenizer, self.model.feature_names, self.model.max_length
        )
        if method == "ancestral":
            for cell in rng.permutation(cells)[:, np.newaxis]:
                ids[cell] = self._draw(reader, ids, cell, rng, sampler)
            return ids
        for step in range(num_steps if len(cells) else 0):
            chance = masking_probability(step, num_steps) if step else 1.0
            drawn = rng.random(len(cells)) < chance
            ids[cells[drawn]] = PAD
            ids[cells[drawn]] = self._draw(reader, ids, cells, rng, sampler)[drawn]
        return ids

    def _draw(self, reader, ids, cells, rng, sampler):
        """Draws ids for some cells, `[U]`, each on its own, given the known ones."""
        starts = window_starts(reader.starts(cells, before=1 / 2), reader)
        windows, window = np.unique(starts, return_inverse=True)
        index = reader.index(windows)  # [W, T]
        tokens = ids[np.minimum(index, len(ids) - 1)]
        return self._pass(
            reader.inputs(index, tokens),
            np.stack([window, cells - starts], axis=1),
            rng.random(len(cells), np.float32),
            tf.constant(sampler.temperature, tf.float32),
            tf.constant(sampler.top_k, tf.int32),
            tf.constant(sampler.top_p, tf.float32),
            tf.constant(sampler.min_p, tf.float32),
        ).numpy()

    def _sample_cells(self, inputs, places, uniforms, *settings):
        """One pass of the model: ids for the places, `[U, 2]`, of its windows."""
        logits = self.model(inputs, training=False)  # [W, T, V]
        logits = tf.gather_nd(logits, places)  # [U, V]
        is_music = tf.range(logits.shape[-1]) >= NUM_SPECIAL
        logits = tf.where(is_music, logits, MASKED)
        return sample(logits, uniforms, *settings)


def window_starts(wanted: np.ndarray, reader: GridReader) -> np.ndarray:
    """The nearest first cells among those of windows that overlap by half.

    Args:
        wanted: int `[U]`, first cells that would have each cell in the middle, within
            the piece.
        reader: of the piece.

    Returns:
        int `[U]`; the last window ends with the piece.
    """
    half = reader.length // (2 * NUM_VOICES) * NUM_VOICES or NUM_VOICES
    last = max(reader.num_cells - reader.length, 0)
    starts = np.array([*range(0, last, half), last])  # [W]
    nearest = np.abs(wanted[:, np.newaxis] - starts).argmin(axis=1)
    return starts[nearest]
