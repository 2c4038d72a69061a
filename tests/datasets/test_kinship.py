import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfmusic.datasets.kinship import (
    find_duplicates,
    find_groups,
    passages,
    without_final_rests,
)

STEPS = 4 * 12  # twelve quarters


def random_grid(seed, steps=STEPS):
    return np.random.default_rng(seed).integers(36, 82, [steps, 4])


def transposed(grid, semitones):
    return np.where(grid < 0, -1, grid + semitones)


def test_rests_at_the_end_make_no_difference():
    grid = random_grid(0)
    longer = np.concatenate([grid, np.full([4, 4], -1)])
    np.testing.assert_array_equal(without_final_rests(longer), grid)
    assert find_duplicates({"a": grid, "b": random_grid(1), "c": longer}) == {"c": "a"}
    assert find_groups({"a": grid, "b": random_grid(1), "c": longer}) == [
        ["a", "c"],
        ["b"],
    ]


@given(semitones=st.integers(-12, 12), shift=st.integers(0, 40))
def test_transposed_and_shifted_copies_are_kin_but_no_duplicates(semitones, shift):
    grid = random_grid(0)
    grid[5] = -1
    copy = np.concatenate([random_grid(1, shift), transposed(grid, semitones)])
    grids = {"copy": copy, "other": random_grid(2), "piece": grid}
    assert find_groups(grids) == [["copy", "piece"], ["other"]]
    assert find_duplicates(grids) == ({} if shift or semitones else {"piece": "copy"})


def test_edits_between_the_beats_do_not_hide_kinship():
    grid = random_grid(0)
    edited = random_grid(1)
    edited[::4] = grid[::4]
    assert find_groups({"a": grid, "b": edited}) == [["a", "b"]]


def test_eight_beats_in_all_voices_make_kin_and_seven_do_not():
    for beats, groups in ((8, [["a", "b"]]), (7, [["a"], ["b"]])):
        grid, other = random_grid(0), random_grid(1)
        other[8 : 8 + 4 * (beats - 1) + 1] = grid[4 : 4 + 4 * (beats - 1) + 1]
        assert find_groups({"a": grid, "b": other}) == groups
    three_voices = random_grid(1)
    three_voices[:, :3] = random_grid(0)[:, :3]
    assert len(find_groups({"a": random_grid(0), "b": three_voices})) == 2


def test_short_pieces_and_silence():
    assert passages(np.full([64, 4], -1)) == set()
    assert len(passages(random_grid(0, 3))) == 1
    silence = {"a": np.full([64, 4], -1), "b": np.zeros([0, 4], int)}
    assert find_groups(silence) == [["a"], ["b"]]
