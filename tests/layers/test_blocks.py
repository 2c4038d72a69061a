"""Blocks against loops over queries and keys."""

import numpy as np
import pytest

from tests import reference
from tfmusic.layers import blocks

SIZE, TIME, NUM_BLOCKS = 4, 11, 3
GENERATOR = np.random.default_rng(0)


def test_a_sequence_in_blocks():
    x = GENERATOR.normal(size=(2, 3, TIME, 5)).astype("float32")
    cut = blocks.to_blocks(x, NUM_BLOCKS, SIZE).numpy()
    assert cut.shape == (NUM_BLOCKS, 2, 3, SIZE, 5)
    for time in range(NUM_BLOCKS * SIZE):
        expected = x[:, :, time] if time < TIME else 0
        np.testing.assert_array_equal(
            cut[time // SIZE, :, :, time % SIZE],
            np.broadcast_to(expected, (2, 3, 5)),
        )


@pytest.mark.parametrize("num_distances", [1, 5, 12, 20])
def test_two_blocks_of_a_table_hold_the_distances_of_two_blocks(num_distances):
    """Of the ith queries and the jth keys; clipped as everywhere."""
    table = np.arange(num_distances, dtype="float32")[None, :, None]
    cut = blocks.table_to_blocks(table, NUM_BLOCKS, SIZE).numpy()
    for i in range(NUM_BLOCKS):
        for j in range(i + 1):
            first = NUM_BLOCKS - 1 - (i - j)
            pair = np.concatenate([cut[first], cut[first + 1]], axis=1)  # [1, 2*b, 1]
            logits = np.tile(pair[:, None, :, 0], (1, 1, SIZE, 1))  # [1, 1, b, 2*b]
            found = blocks.block_to_absolute(logits).numpy()[0, 0]
            for query, key in np.ndindex(SIZE, SIZE):
                distance = (i - j) * SIZE + query - key
                if distance >= 0:
                    expected = reference.column(distance, num_distances)
                    assert found[query, key] == expected


def test_by_distance_is_the_transpose_of_by_key():
    """Of the linear maps: <A x, y> = <x, A^T y>."""
    x = GENERATOR.normal(size=(2, 3, SIZE, 2 * SIZE)).astype("float32")
    y = GENERATOR.normal(size=(2, 3, SIZE, SIZE)).astype("float32")
    forward = np.sum(blocks.block_to_absolute(x) * y)
    backward = np.sum(x * blocks.block_to_relative(y))
    assert forward == pytest.approx(backward, rel=1e-5)


def test_halves_are_those_of_the_transpose():
    x = GENERATOR.normal(size=(2, 3, SIZE, SIZE)).astype("float32")
    far, near = blocks.block_to_halves(x)
    whole = blocks.block_to_relative(x).numpy()
    np.testing.assert_array_equal(far, whole[..., :SIZE])
    np.testing.assert_array_equal(near, whole[..., SIZE:])
