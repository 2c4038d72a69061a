"""Windows against loops over blocks, queries and keys, with static and open shapes."""

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests import reference
from tfmusic.layers import windows

SIZES = {
    "block_size": st.integers(1, 4),
    "num_back": st.integers(0, 3),
    "num_blocks": st.integers(1, 4),
}


def test_two_queries_by_hand():
    # Columns: two steps back, one step back, oneself; one key before the block.
    logits = tf.constant([[1.0, 2, 3], [4, 5, 6]])
    window = windows.relative_to_window(logits, 1).numpy()
    assert window[0, :2].tolist() == [2, 3]
    assert window[1].tolist() == [4, 5, 6]


@given(**SIZES)
def test_key_windows(block_size, num_back, num_blocks):
    num_before = num_back * block_size
    keys = tf.range(num_before + num_blocks * block_size, dtype=tf.float32)
    keys = tf.tile(keys[None, None, :, None], [2, 3, 1, 1])
    actual = windows.key_windows(keys, block_size, num_before).numpy()
    assert actual.shape == (2, 3, num_blocks, num_before + block_size, 1)
    for block in range(num_blocks):
        first = block * block_size
        expected = np.arange(first, first + num_before + block_size)
        np.testing.assert_array_equal(actual[1, 2, block, :, 0], expected)


@given(data=st.data(), **SIZES)
def test_window_mask(data, block_size, num_back, num_blocks):
    num_before, time = num_back * block_size, num_blocks * block_size
    first = [data.draw(st.integers(-2, num_before + query)) for query in range(time)]
    mask = windows.window_mask(tf.constant([first]), block_size, num_before).numpy()
    assert mask.shape == (1, num_blocks, block_size, num_before + block_size)
    for _, block, query, key in np.ndindex(mask.shape):
        index = block * block_size + key
        itself = num_before + block * block_size + query
        sees = first[block * block_size + query] <= index <= itself
        assert mask[0, block, query, key] == sees


@given(time=st.integers(1, 5), num_before=st.integers(0, 6), missing=st.integers(0, 10))
def test_skewing_is_a_double_loop_over_what_is_known(time, num_before, missing):
    known = max(num_before + time - missing, 1)
    logits = np.arange(2 * time * known, dtype="float32").reshape(2, time, known)
    window = windows.relative_to_window(tf.constant(logits), num_before).numpy()
    assert window.shape == (2, time, num_before + time)
    for query in range(time):
        for key in range(num_before + query + 1):
            distance = num_before + query - key
            if distance < known:
                expected = logits[:, query, reference.column(distance, known)]
                np.testing.assert_array_equal(window[:, query, key], expected)
