"""The exact negative log-likelihood of a split."""

import numpy as np
import tensorflow as tf

from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.pipeline import evaluation_batches
from tfmusic.datasets.progress import Log, with_progress
from tfmusic.datasets.windows import Windows
from tfmusic.tokenizers import EOS, Tokenizer
from tfmusic.training.loss import token_nats


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
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        pieces: Pieces,
        batch_size: int = 8,
        stride: int | None = None,
        xla: bool = False,
    ):
        self.model = model
        self.pieces = pieces
        longest = int(np.diff(pieces.offsets).max(initial=0)) + 1
        length = min(model.max_length, longest)
        self.stride = min(stride or -(-length // 4), length)
        windows = Windows(pieces, tokenizer, model.feature_names, length)
        self.batches = evaluation_batches(
            windows, batch_size=batch_size, stride=self.stride
        )
        self._score = tf.function(self._score_batch, jit_compile=xla)

    def __call__(self, log: Log = lambda line: None) -> dict[str, float | int]:
        """Counts, nats and accuracy; EOS is reported apart from the music.

        Args:
            log: called with each line of progress.

        Returns:
            `num_pieces`, `num_tokens`, `num_notes`, `seconds` of the music;
            `nats_per_token`, `nats_per_note`, `nats_per_second`, `accuracy` of its
            tokens; `nats_per_eos` of the pieces' ends.
        """
        totals = tf.zeros([5], tf.float64)
        for batch in with_progress(self.batches, "batches scored", log):
            totals += tf.cast(self._score(*batch), tf.float64)
        nats, tokens, correct, eos_nats, eos = totals.numpy().tolist()
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
            "nats_per_eos": eos_nats / eos,
        }

    def _score_batch(self, inputs, targets, weights):
        logits = self.model(inputs, training=False)
        nats = token_nats(logits, targets) * weights
        is_eos = tf.cast(targets == EOS, tf.float32) * weights
        is_music = weights - is_eos
        hits = tf.cast(tf.argmax(logits, -1, tf.int32) == targets, tf.float32)
        return tf.stack(
            [
                tf.reduce_sum(nats * is_music),
                tf.reduce_sum(is_music),
                tf.reduce_sum(hits * is_music),
                tf.reduce_sum(nats * is_eos),
                tf.reduce_sum(is_eos),
            ]
        )
