"""Nats: sums over tokens, and never a mean of means."""

import tensorflow as tf


def token_nats(logits, targets, label_smoothing=0.0):
    """Negative log-likelihood of each target.

    Args:
        logits: `[B, T, V]`, computed in float32.
        targets: int32 `[B, T]`.
        label_smoothing: probability spread evenly over the vocabulary.

    Returns:
        float32 `[B, T]`, in nats.

    Reference:
        [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), section 7, for
        label smoothing.
    """
    logits = tf.cast(logits, tf.float32)
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    if label_smoothing:
        spread = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
        nats = (1 - label_smoothing) * nats + label_smoothing * spread
    return nats
