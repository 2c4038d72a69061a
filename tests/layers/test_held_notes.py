import numpy as np
import pytest

from tests import reference
from tfmusic.layers.held_notes import held_steps


@pytest.mark.parametrize("tokens_per_step, max_held", [(1, 1), (1, 4), (3, 2), (4, 16)])
def test_counts_what_was_the_same_before(tokens_per_step, max_held):
    pitches = np.random.default_rng(0).integers(0, 3, (3, 80)).astype("int32")
    pitches[2] = 2  # one pitch for ever
    padded = np.pad(pitches, [(0, 0), (tokens_per_step * max_held, 0)])
    expected = [reference.held_steps(row, tokens_per_step, max_held) for row in pitches]
    actual = held_steps(padded, tokens_per_step, max_held)
    np.testing.assert_array_equal(actual, expected)
    assert np.max(actual) == max_held


def test_what_is_no_note_is_never_held():
    assert not np.any(held_steps(np.zeros([1, 20], "int32"), 4, 3))
