"""How well an infiller guesses masked cells: the quick score of a training."""

import numpy as np
import tensorflow as tf

from tfmusic.datasets.grid_windows import GridWindows
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.progress import Log, with_progress
from tfmusic.tokenizers import Tokenizer
from tfmusic.training.execution import sum_over_replicas
from tfmusic.training.loss import token_nats
from tfmusic.training.token_groups import TokenGroups

NUM_MASKS = 8  # for each window


class InfillingEvaluator:
    """Estimates notewise nats from the same masks in every call.

    Windows cover each piece; each is masked `NUM_MASKS` times, with numbers of
    masked cells that are spread over all there are. A few passes tell trainings
    apart; `OrderingEvaluator` needs one for each cell, and is exact.

    Args:
        model: a ChoraleInfiller.
        tokenizer: of the model.
        pieces: of the split.
        batch_size: windows a batch.
        xla: whether to compile.
        strategy: whose replicas share out each batch, which their number divides; by
            default the model is called as it is.
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        pieces: Pieces,
        batch_size: int = 8,
        xla: bool = False,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self.model = model
        self.pieces = pieces
        self._groups = TokenGroups(tokenizer)
        features = sorted({*model.feature_names, *self._groups.feature_names})
        windows = GridWindows(pieces, tokenizer, features, model.max_length)
        self.batches = _masked_batches(windows, batch_size)
        self._score = sum_over_replicas(self._score_batch, strategy, xla)

    def __call__(self, log: Log = lambda line: None) -> dict[str, float | int]:
        """Scores each cell of each piece; those drawn count for the others.

        Args:
            log: called with each line of progress.

        Returns:
            `num_pieces`, `num_tokens` of the music; `nats_per_token`, `accuracy`;
            `nats_by`, nats per token of each voice.
        """
        totals = tf.zeros([len(self._groups.names) + 1, 3], tf.float64)
        for batch in with_progress(self.batches, "batches scored", log):
            totals += tf.cast(self._score(*batch), tf.float64)
        groups = totals[:-1].numpy()
        nats, weight, correct = groups.sum(axis=0).tolist()
        by_voice = self._groups.report(groups[:, 0], groups[:, 1])
        return {
            "num_pieces": len(self.pieces),
            "num_tokens": self.pieces.num_tokens,
            "nats_per_token": nats / weight,
            "accuracy": correct / weight,
            "nats_by": by_voice["nats_by"],  # the counts are those of what was masked
        }

    def _score_batch(self, inputs, targets, weights):
        logits = self.model(inputs, training=False)
        nats = token_nats(logits, targets) * weights
        hits = tf.cast(tf.argmax(logits, -1, tf.int32) == targets, tf.float32)
        return self._groups.sums(inputs, targets, False, nats, weights, hits * weights)


def _masked_batches(windows, batch_size):
    """Batches in which each cell is in a scored window `NUM_MASKS` times."""
    cuts = []
    for piece, num_cells in enumerate(windows.num_inputs):
        for first in range(0, num_cells, windows.length):
            start = max(min(first, num_cells - windows.length), 0)
            cuts.append((piece, start, first - start))
    cuts = np.repeat(cuts, NUM_MASKS, axis=0)
    uniforms = np.random.default_rng(0).random(
        [len(cuts), windows.num_uniforms], np.float32
    )
    spread = np.arange(len(cuts)) % NUM_MASKS
    uniforms[:, 0] = (spread + uniforms[:, 0]) / NUM_MASKS
    missing = -len(cuts) % batch_size
    nothing = np.repeat([[0, 0, windows.length]], missing, axis=0)
    cuts = np.concatenate([cuts, nothing])
    uniforms = np.pad(uniforms, [(0, missing), (0, 0)])

    def batch(cut, uniforms):
        semitones = tf.zeros([batch_size], tf.int32)
        batch = windows.cut(cut[:, 0], cut[:, 1], semitones, cut[:, 2])
        return windows.mask(batch, uniforms)

    dataset = tf.data.Dataset.from_tensor_slices((cuts, uniforms))
    dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.map(batch, num_parallel_calls=2).prefetch(2)
