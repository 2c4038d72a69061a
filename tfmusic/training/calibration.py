"""Probabilities that are as sure as they are right."""

import numpy as np
import tensorflow as tf

from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.progress import Log, with_progress
from tfmusic.tokenizers import EOS, Tokenizer
from tfmusic.training.evaluation import Evaluator
from tfmusic.training.loss import token_nats

TEMPERATURES = np.arange(70, 161).astype(np.float32) / 100  # C of them


def calibrate(
    model,
    tokenizer: Tokenizer,
    pieces: Pieces,
    xla: bool = False,
    log: Log = lambda line: None,
) -> float:
    """Divides a decoder's logits by the temperature that pieces are likeliest at.

    One number for all of them, which its last weights take up: what is likeliest stays
    so. A model that was trained on few pieces for long is too sure of others.

    Args:
        model: a MusicDecoder, whose weights change.
        tokenizer: of the model.
        pieces: that it was not trained on.
        xla: whether to compile.
        log: called with each line of progress.

    Returns:
        The temperature, one of `TEMPERATURES`.

    Reference:
        [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 4.2.
    """

    @tf.function(jit_compile=xla)
    def score(inputs, targets, weights):
        logits = tf.cast(model(inputs, training=False), tf.float32)
        weights = tf.where(targets == EOS, 0.0, weights)

        def nats(temperature):
            return tf.reduce_sum(token_nats(logits / temperature, targets) * weights)

        return tf.map_fn(nats, TEMPERATURES)

    total = tf.zeros(len(TEMPERATURES), tf.float64)
    batches = Evaluator(model, tokenizer, pieces).batches
    for batch in with_progress(batches, "batches calibrated by", log):
        total += tf.cast(score(*batch), tf.float64)
    temperature = TEMPERATURES[int(tf.argmin(total))]
    for variable in model.logits_dense.weights:
        variable.assign(variable / temperature)
    return round(float(temperature), 2)
