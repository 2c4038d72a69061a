"""The exact negative log-likelihood of a split."""

import functools

import numpy as np
import tensorflow as tf

from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.pipeline import evaluation_batches
from tfmusic.datasets.progress import Log, with_progress
from tfmusic.datasets.windows import Windows
from tfmusic.tokenizers import Tokenizer
from tfmusic.training.execution import sum_over_replicas
from tfmusic.training.key_ensemble import KeyEnsemble
from tfmusic.training.loss import token_nats
from tfmusic.training.token_groups import TokenGroups


class Evaluator:
    """Scores every token of a split exactly once.

    Compiled once for a model; its weights may change between calls.

    Args:
        model: a MusicDecoder.
        tokenizer: of the model.
        pieces: of the split.
        batch_size: windows a batch.
        stride: distance of the windows of a piece that is longer than one. All but
            its first tokens have at least `model.max_length - stride` before them.
            By default a quarter of a window.
        xla: whether to compile.
        strategy: whose replicas share out each batch, which their number divides; by
            default the model is called as it is.
        keys: transpositions that predictions are averaged over, see `KeyEnsemble`; 1
            is the music as it is, in one pass.
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        pieces: Pieces,
        batch_size: int = 8,
        stride: int | None = None,
        xla: bool = False,
        strategy: tf.distribute.Strategy | None = None,
        keys: int = 1,
    ):
        self.model = model
        self._logits = functools.partial(model, training=False)
        if keys > 1:
            self._logits = KeyEnsemble(model, tokenizer, keys)
        self.pieces = pieces
        longest = int(np.diff(pieces.offsets).max(initial=0)) + 1
        length = min(model.max_length, longest)
        self.stride = min(stride or -(-length // 4), length)
        self._groups = TokenGroups(tokenizer)
        features = sorted({*model.feature_names, *self._groups.feature_names})
        windows = Windows(pieces, tokenizer, features, length)
        self.batches = evaluation_batches(
            windows, batch_size=batch_size, stride=self.stride
        )
        self._score = sum_over_replicas(self._score_batch, strategy, xla)

    def __call__(self, log: Log = lambda line: None) -> dict[str, float | int]:
        """Counts, nats and accuracy; EOS is reported apart from the music.

        Args:
            log: called with each line of progress.

        Returns:
            `num_pieces`, `num_tokens`, `num_notes`, `seconds` of the music;
            `nats_per_token`, `nats_per_note`, `nats_per_second`, `accuracy` of its
            tokens; `nats_by`, nats per token of each voice or kind of event, and
            `tokens_by`, of how many tokens: both together make the whole;
            `nats_per_eos` of the pieces' ends.
        """
        totals = tf.zeros([len(self._groups.names) + 1, 3], tf.float64)
        for batch in with_progress(self.batches, "batches scored", log):
            totals += tf.cast(self._score(*batch), tf.float64)
        groups, (eos_nats, eos, _) = totals[:-1].numpy(), totals[-1].numpy().tolist()
        nats, tokens, correct = groups.sum(axis=0).tolist()
        notes = int(self.pieces.num_notes.sum())
        seconds = float(self.pieces.seconds.sum())
        return {
            "num_pieces": round(eos),
            "num_tokens": round(tokens),
            "num_notes": notes,
            "seconds": seconds,
            "nats_per_token": nats / tokens,
            "nats_per_note": nats / notes,
            "nats_per_second": nats / seconds,
            "accuracy": correct / tokens,
            **self._groups.report(groups[:, 0], groups[:, 1]),
            "nats_per_eos": eos_nats / eos,
        }

    def _score_batch(self, inputs, targets, weights):
        logits = self._logits(inputs)
        nats = token_nats(logits, targets) * weights
        hits = tf.cast(tf.argmax(logits, -1, tf.int32) == targets, tf.float32)
        return self._groups.sums(inputs, targets, True, nats, weights, hits * weights)
