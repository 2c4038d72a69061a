"""Skewing against a loop over queries and keys, with static and unknown shapes."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from tfmusic.layers import relative

BATCH, HEADS = 2, 3
SCORES = tf.TensorSpec([None, None, None, None], tf.float32)
NUMBER = tf.TensorSpec([], tf.int32)


def scores(time, num_distances):
    """Distance logits `[B, N, T, L]`, no two the same."""
    shape = (BATCH, HEADS, time, num_distances)
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def of_each_head(function, logits, *arguments):
    """A reference's function of `[T, L]` for all of `[B, N, T, L]`."""
    return np.array([[function(one, *arguments) for one in head] for head in logits])


@pytest.fixture(scope="module")
def clip_graph():
    return tf.function(relative.clip_distances, input_signature=[SCORES, NUMBER])


@pytest.fixture(scope="module")
def skew_graph():
    return tf.function(
        lambda logits: relative.relative_to_absolute(
            relative.clip_distances(logits, tf.shape(logits)[2])
        ),
        input_signature=[SCORES],
    )


def test_three_steps_by_hand():
    # Columns: two steps back, one step back, oneself.
    logits = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    logits = tf.constant(logits, tf.float32, shape=[1, 1, 3, 3])
    absolute = relative.relative_to_absolute(logits)[0, 0]
    assert np.tril(absolute).tolist() == [[3, 0, 0], [5, 6, 0], [7, 8, 9]]


def test_the_farthest_is_repeated_by_hand():
    logits = tf.constant([[2.0, 3.0]])  # one step back, oneself
    assert relative.clip_distances(logits, 4).numpy().tolist() == [[2, 2, 2, 3]]
    assert relative.clip_distances(logits, 1).numpy().tolist() == [[3]]


@given(known=st.integers(1, 6), wanted=st.integers(1, 9))
def test_clip_distances(clip_graph, known, wanted):
    logits = scores(2, known)
    expected = reference.clipped_distances(logits, wanted)
    np.testing.assert_array_equal(relative.clip_distances(logits, wanted), expected)
    np.testing.assert_array_equal(clip_graph(logits, wanted), expected)


@given(time=st.integers(1, 8), num_distances=st.integers(1, 10))
def test_skewing_is_a_double_loop_on_the_causal_half(skew_graph, time, num_distances):
    logits = scores(time, num_distances)
    expected = of_each_head(reference.absolute_logits, logits)
    clipped = relative.clip_distances(logits, time)
    absolute = relative.relative_to_absolute(clipped)
    assert absolute.shape == (BATCH, HEADS, time, time)
    np.testing.assert_array_equal(np.tril(absolute), expected)
    np.testing.assert_array_equal(np.tril(skew_graph(logits)), expected)


@settings(max_examples=60)
@given(
    time=st.integers(1, 4),
    num_rows=st.integers(1, 6),
    filled=st.floats(0, 1),
    num_distances=st.integers(1, 12),
)
def test_cached_rows_are_a_double_loop(time, num_rows, filled, num_distances):
    position = round(filled * num_rows)
    logits = scores(time, num_distances)
    expected = of_each_head(reference.cached_logits, logits, position, num_rows)
    clipped = relative.clip_distances(logits, num_rows + time)
    cached = relative.relative_to_cached(clipped, position, np.arange(num_rows))
    assert cached.shape == (BATCH, HEADS, time, num_rows)
    np.testing.assert_array_equal(cached[..., :position], expected[..., :position])


@pytest.mark.parametrize("time", [1, 3])
def test_one_graph_for_every_position_and_number_of_rows(time):
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, HEADS, time, None], tf.float32),
            NUMBER,
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def cached(logits, position, rows):
        clipped = relative.clip_distances(logits, tf.size(rows) + time)
        return relative.relative_to_cached(clipped, position, rows)

    for num_rows in (1, 5):
        for position in range(num_rows + 1):
            logits = scores(time, 4)
            expected = of_each_head(reference.cached_logits, logits, position, num_rows)
            actual = cached(logits, position, np.arange(num_rows))[..., :position]
            np.testing.assert_array_equal(actual, expected[..., :position])


def test_weights_by_distance_are_the_transpose_of_skewing():
    """Of the linear maps: <A x, y> = <x, A^T y>, on the causal half."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 2, 3, 6, 6)).astype("float32")
    y *= np.tri(6, dtype="float32")
    forward = np.sum(relative.relative_to_absolute(x) * y)
    backward = np.sum(x * relative.absolute_to_relative(y))
    assert forward == pytest.approx(backward, rel=1e-5)


@pytest.mark.parametrize("position", [0, 3, 7])
def test_weights_of_a_cache_by_distance(position):
    num_rows, time, num_distances = 7, 3, 12
    weights = scores(time, num_rows) + 1
    by_distance = relative.cached_to_relative(weights, position, num_distances).numpy()
    expected = np.zeros((BATCH, HEADS, time, num_distances))
    for query in range(time):
        for row in range(position):
            column = reference.column(position + query - row, num_distances)
            expected[:, :, query, column] = weights[:, :, query, row]
    np.testing.assert_array_equal(by_distance, expected)
