import numpy as np
import pytest
import tensorflow as tf

from tfmusic.training.loss import token_nats


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
def test_nats_are_the_cross_entropy_with_the_smoothed_targets(label_smoothing):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=[2, 3, 5], scale=4).astype(np.float32)
    targets = generator.integers(0, 5, [2, 3], np.int32)
    wanted = (1 - label_smoothing) * np.eye(5)[targets] + label_smoothing / 5
    expected = -(wanted * log_softmax(logits)).sum(axis=-1)
    nats = token_nats(logits, targets, label_smoothing)
    assert nats.dtype == tf.float32
    np.testing.assert_allclose(nats, expected, rtol=1e-5)


def test_even_odds_are_the_log_of_their_number():
    nats = token_nats(tf.zeros([1, 1, 8]), tf.constant([[3]]))
    np.testing.assert_allclose(nats, [[3 * np.log(2)]], rtol=1e-6)  # three bits


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_large_logits_stay_finite(label_smoothing):
    logits = tf.constant([[[1e4, -1e4, 0.0]]])
    nats = token_nats(logits, tf.constant([[1]]), label_smoothing)
    assert np.isfinite(nats).all()


def test_bfloat16_logits_are_summed_in_float32():
    logits = np.random.default_rng(0).normal(size=[1, 4, 300]).astype(np.float32)
    logits = tf.cast(logits, tf.bfloat16)
    targets = tf.zeros([1, 4], tf.int32)
    nats = token_nats(logits, targets)
    assert nats.dtype == tf.float32
    expected = -log_softmax(tf.cast(logits, tf.float32).numpy())[..., 0]
    np.testing.assert_allclose(nats, expected, rtol=1e-5)
