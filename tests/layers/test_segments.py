import numpy as np
import pytest
import tensorflow as tf

from tfmusic.layers.segments import segment_starts, starts_of

SEGMENT = [
    [3, 3, 3, 3, 3, 3],
    [1, 2, 2, 1, 1, 0],  # a number may come again: the second 1 is another segment
    [0, 1, 2, 3, 4, 5],
]
STARTS = [
    [0, 0, 0, 0, 0, 0],
    [0, 1, 1, 3, 3, 5],
    [0, 1, 2, 3, 4, 5],
]


def test_starts_by_hand():
    starts = segment_starts(tf.constant(SEGMENT))
    assert starts.dtype == tf.int32
    assert starts.numpy().tolist() == STARTS


@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_graph_for_every_batch_and_time(jit_compile):
    function = tf.function(
        segment_starts,
        jit_compile=jit_compile,
        input_signature=[tf.TensorSpec([None, None], tf.int32)],
    )
    for batch, time in ((3, 6), (2, 4), (1, 1)):
        found = function(np.array(SEGMENT, np.int32)[:batch, :time])
        assert found.numpy().tolist() == [row[:time] for row in STARTS[:batch]]


def test_features_may_hold_no_segments():
    assert starts_of(None) is None
    assert starts_of({"voice": tf.constant([[1, 2]])}) is None
    starts = starts_of({"segment": tf.constant([[1, 2]])})
    assert starts.numpy().tolist() == [[0, 1]]
