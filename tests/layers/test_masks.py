import numpy as np
import pytest
import tensorflow as tf

from tfmusic.layers import masks

CAUSAL = [
    [1, 0, 0, 0],
    [1, 1, 0, 0],
    [1, 1, 1, 0],
    [1, 1, 1, 1],
]

SEGMENTS = [
    [1, 0, 0, 0],
    [0, 1, 1, 1],
    [0, 1, 1, 1],
    [0, 1, 1, 1],
]

FILLED = {
    0: [[0, 0, 0]],
    1: [[1, 0, 0]],
    2: [[1, 1, 0]],
    3: [[1, 1, 1]],
}


def test_causal_mask():
    assert masks.causal_mask(4).numpy().astype(int).tolist() == CAUSAL
    assert masks.causal_mask(1).numpy().tolist() == [[True]]


def test_segment_mask():
    masked = masks.segment_mask(tf.constant([[0, 0, 0, 0], [0, 1, 1, 1]]))
    assert masked.shape == (2, 1, 4, 4)
    assert masked.numpy().astype(int)[0, 0].tolist() == [[1] * 4] * 4
    assert masked.numpy().astype(int)[1, 0].tolist() == SEGMENTS


@pytest.mark.parametrize("position", FILLED)
def test_filled_mask(position):
    filled = masks.filled_mask(position, tf.range(3))
    assert filled.numpy().astype(int).tolist() == FILLED[position]


def test_of_sizes_known_at_run_time_alone():
    number = tf.TensorSpec([], tf.int32)
    causal = tf.function(masks.causal_mask, input_signature=[number])
    rows = tf.TensorSpec([None], tf.int32)
    filled = tf.function(masks.filled_mask, input_signature=[number, rows])
    for time in range(5):
        assert causal(time).numpy().tolist() == np.tri(time, dtype=bool).tolist()
    for position, expected in FILLED.items():
        assert (
            filled(position, np.arange(3, dtype=np.int32)).numpy().astype(int).tolist()
            == expected
        )


def test_a_masked_logit_has_no_weight_at_all():
    weights = tf.nn.softmax(tf.constant([0.0, -80.0, masks.MASKED]))
    assert weights[1] > 0 and weights[2] == 0
