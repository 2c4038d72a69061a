"""The exact likelihoods of an infiller, by orders of a piece's cells."""

import numpy as np
import tensorflow as tf

from tfmusic.datasets.grid_reader import GridReader
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.progress import Log, with_progress
from tfmusic.tokenizers import PAD, ChoraleTokenizer
from tfmusic.tokenizers.chorale import NUM_VOICES
from tfmusic.training.loss import token_nats

# Which part of a window precedes the step that is scored.
CENTERED, LATE = 1 / 2, 3 / 4


class OrderingEvaluator:
    """Scores every cell of a split once in each of several random orders.

    A cell is scored given those before it in the order, as far as its window shows
    them; all others are masked. One pass of the model scores one cell. In nats a
    token, a token being a cell, averaged over orders:

    - notewise: all cells of a piece in a random order. The mean over orders bounds
      the nats of the mixture of all orders from above.
    - chronological: steps in their order, the voices of each step in a random one: a
      likelihood to be compared with a decoder's.
    - framewise: as chronological, but of a cell's own step the model knows its own
      likeliest guesses in place of the music, so that a step is guessed as a whole.
      CoCoNet's loss of a frame is four times this. Not a likelihood.

    A window has `model.max_length` cells and lies within the piece, unless that is
    shorter. The scored step is in its middle; in order of time, after three quarters.

    Args:
        model: a ChoraleInfiller.
        tokenizer: of the model.
        pieces: of the split.
        num_orders: random orders to average over.
        batch_size: windows a batch.
        seed: of the orders.
        xla: whether to compile.

    Reference:
        [Huang et al., 2017](https://arxiv.org/abs/1903.07227), section 5, and the
        code published with it (`lib_evaluation.py`), but that its frames may come in
        a random order as well, and that it averages orders' probabilities.
    """

    def __init__(
        self,
        model,
        tokenizer: ChoraleTokenizer,
        pieces: Pieces,
        num_orders: int = 1,
        batch_size: int = 64,
        seed: int = 0,
        xla: bool = False,
    ):
        self.model = model
        self.tokenizer = tokenizer
        self.pieces = pieces
        self.num_orders = num_orders
        self.batch_size = batch_size
        self.seed = seed
        self._score = tf.function(self._score_batch, jit_compile=xla)

    def __call__(self, log: Log = lambda line: None) -> dict[str, float | int]:
        """Scores the split.

        Args:
            log: called with each line of progress.

        Returns:
            `num_pieces`, `num_tokens`; `notewise`, `chronological` and `framewise`,
            each with `_nats_per_token`.
        """
        rng = np.random.default_rng(self.seed)
        totals = dict.fromkeys(("notewise", "chronological", "framewise"), 0.0)
        indices = list(range(len(self.pieces))) * self.num_orders
        for index in with_progress(indices, "pieces scored", log):
            ids = self.pieces.piece(index)
            rank = random_order(len(ids), rng)
            totals["notewise"] += self._in_order(ids, rank, CENTERED)
            rank = chronological_order(len(ids), rng)
            totals["chronological"] += self._in_order(ids, rank, LATE)
            totals["framewise"] += self._by_frames(ids, rank, LATE)
        num_scored = self.pieces.num_tokens * self.num_orders
        nats = {
            f"{name}_nats_per_token": total / num_scored
            for name, total in totals.items()
        }
        counts = {"num_pieces": len(self.pieces), "num_tokens": self.pieces.num_tokens}
        return {**counts, **nats}

    def _in_order(self, ids, rank, before):
        """Nats of all cells, each given those of lower rank."""
        nats, _ = self._score_cells(ids, ids, rank, np.arange(len(ids)), before)
        return nats.sum()

    def _by_frames(self, ids, rank, before):
        """Nats of all cells, of their own step given the model's guesses."""
        guesses = ids.copy()
        total = 0.0
        for turn in range(NUM_VOICES):
            cells = np.flatnonzero(rank % NUM_VOICES == turn)
            nats, guesses[cells] = self._score_cells(ids, guesses, rank, cells, before)
            total += nats.sum()
        return total

    def _score_cells(self, ids, own_step, rank, cells, before):
        """Nats and likeliest ids of some cells, `[len(cells)]` each.

        Args:
            ids: `[C]`, the piece.
            own_step: `[C]`, what is known of the cells of a scored cell's step.
            rank: `[C]`, the place of each cell in the order.
            cells: indices of the cells to score.
            before: see `GridReader.starts`.
        """
        reader = GridReader(
            len(ids), self.tokenizer, self.model.feature_names, self.model.max_length
        )
        scores = []
        for first in range(0, len(cells), self.batch_size):
            batch = cells[first : first + self.batch_size]
            # Always as many windows, so that the model is compiled once.
            full = np.resize(batch, self.batch_size)  # [R]
            starts = reader.starts(full, before)
            index = reader.index(starts)  # [R, T]
            seen, cell = np.minimum(index, len(ids) - 1), full[:, np.newaxis]
            same_step = seen // NUM_VOICES == cell // NUM_VOICES
            tokens = np.where(same_step, own_step[seen], ids[seen])
            tokens = np.where(rank[seen] < rank[cell], tokens, PAD)
            nats, likeliest = self._score(
                reader.inputs(index, tokens), full - starts, ids[full]
            )
            scores.append((nats[: len(batch)], likeliest[: len(batch)]))
        nats, likeliest = map(np.concatenate, zip(*scores, strict=True))
        return nats.astype(np.float64), likeliest

    def _score_batch(self, inputs, place, target):
        logits = self.model(inputs, training=False)
        logits = tf.gather(logits, place, batch_dims=1)  # [R, V]
        return token_nats(logits, target), tf.argmax(logits, -1, tf.int32)


def random_order(num_cells: int, rng: np.random.Generator) -> np.ndarray:
    """int `[num_cells]`: the place of each cell in an order of all of them."""
    return rng.permutation(num_cells)


def chronological_order(num_cells: int, rng: np.random.Generator) -> np.ndarray:
    """int `[num_cells]`: the place of each cell, steps in order, voices in any."""
    voices = np.tile(np.arange(NUM_VOICES), (num_cells // NUM_VOICES, 1))
    voices = rng.permuted(voices, axis=1)  # [steps, 4]
    steps = np.arange(len(voices))[:, np.newaxis]
    return (steps * NUM_VOICES + voices).reshape(-1)
