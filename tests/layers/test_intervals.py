import numpy as np
import pytest

from tests import reference
from tfmusic.layers import intervals

GENERATOR = np.random.default_rng(0)


def test_each_row_moves_by_its_own_amount():
    x = GENERATOR.normal(size=(2, 3, 4, 9)).astype("float32")
    amounts = GENERATOR.integers(0, 8, (2, 1, 4, 1))
    moved = intervals.shift_left(x, amounts.astype("int32"), 7).numpy()
    for batch, head, time in np.ndindex(2, 3, 4):
        amount = amounts[batch, 0, time, 0]
        expected = np.append(x[batch, head, time, amount:], np.zeros(amount))
        np.testing.assert_array_equal(moved[batch, head, time], expected)


def test_intervals_are_the_keys_pitch_minus_the_querys():
    num_values, size = 7, 3
    query = GENERATOR.normal(size=(2, 2, 5, size)).astype("float32")
    table = GENERATOR.normal(size=(2, 2 * num_values, size)).astype("float32")
    pitches = np.array([[0, 1, 2, 4, 6], [6, 5, 3, 2, 1]], "int32")
    logits = intervals.interval_logits(query, table, pitches).numpy()
    for batch, head, time, key in np.ndindex(2, 2, 5, num_values):
        row = 0  # one of the two has no pitch
        if key >= 2 and pitches[batch, time] >= 2:
            row = num_values + key - pitches[batch, time]
        expected = query[batch, head, time] @ table[head, row]
        assert logits[batch, head, time, key] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("max_distance", [1, 2, 5, 12])
def test_distances_in_steps(max_distance):
    """A query in the tenor (v = 2) is one step after the bass two tokens before."""
    num_steps = intervals.num_step_distances(max_distance, 4)
    table = np.arange(num_steps, dtype="float32")[None, :, None]  # last: same step
    tables = intervals.step_tables(table, max_distance, 4).numpy()
    assert tables.shape == (1, 4, max_distance, 1)
    for voice in range(4):
        for distance in range(max_distance):
            query = 400 + voice  # the grid's index of a token of this voice
            steps = query // 4 - (query - distance) // 4
            found = tables[0, voice, reference.column(distance, max_distance), 0]
            assert found == num_steps - 1 - steps
    assert tables.min() == 0 or max_distance == 1, "no embedding is in vain"


def test_queries_stand_in_their_voices_columns():
    query = GENERATOR.normal(size=(1, 2, 4, 3)).astype("float32")
    voices = np.array([[0, 1, 2, 4]], "int32")
    y = intervals.by_voice(query, voices, 4).numpy().reshape(1, 2, 4, 4, 3)
    for time, voice in enumerate([0, 0, 1, 3]):
        np.testing.assert_array_equal(y[:, :, time, voice], query[:, :, time])
        assert not np.delete(y[:, :, time], voice, axis=2).any()
