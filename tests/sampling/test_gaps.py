import numpy as np
import pytest

from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.sampling.gaps import (
    Score,
    bar_numbers,
    find_gaps,
    parse_bars,
    parse_voices,
    read_score,
)
from tfmusic.tokenizers.grid import grid_to_sequence

CHORD = (67, 64, 60, 48)


def score_of(grid, bars=None):
    grid = np.array(grid)
    bars = 1 + np.arange(len(grid)) // 2 if bars is None else np.array(bars)
    return Score(grid, np.zeros(grid.shape, bool), bars, 120.0)


FULL = score_of([CHORD] * 6)  # three bars of two steps


def cells(gaps):
    return [(step, voice) for step, voice in zip(*np.nonzero(gaps), strict=True)]


def test_voices_without_notes_are_filled_throughout():
    score = score_of([(67, -1, 60, -1), (-1, -1, 60, -1)])
    assert cells(find_gaps(score)) == [(0, 1), (0, 3), (1, 1), (1, 3)]


def test_else_bars_without_notes():
    grid = np.array([CHORD] * 6)
    grid[2:4] = -1
    grid[5] = -1  # half a bar
    gaps = find_gaps(score_of(grid))
    assert gaps[2:4].all() and not gaps[:2].any() and not gaps[4:].any()


def test_what_is_chosen_is_filled_whatever_it_has():
    assert cells(find_gaps(FULL, voices=[3])) == [(step, 3) for step in range(6)]
    gaps = find_gaps(FULL, bars=[2])
    assert gaps[2:4].all() and gaps.sum() == 8
    assert cells(find_gaps(FULL, voices=[1], bars=[1, 3])) == [
        *((0, 1), (1, 1), (4, 1), (5, 1))
    ]


def test_nothing_to_fill():
    with pytest.raises(UserError, match="every voice has notes and no bar is empty"):
        find_gaps(FULL)
    with pytest.raises(UserError, match="there is no bar 4: the last one is 3"):
        find_gaps(FULL, bars=[3, 4])


def test_bars_follow_the_time_signatures():
    sequence = NoteSequence()
    assert bar_numbers(sequence, 33).tolist() == [1] * 16 + [2] * 16 + [3]
    for time, numerator, denominator in ((0.5, 3, 4), (0.0, 1, 4), (3.5, 3, 8)):
        sequence.time_signatures.add(
            time=time, numerator=numerator, denominator=denominator
        )
    # an upbeat of a quarter, two bars of 3/4, then 3/8
    expected = [1] * 4 + [2] * 12 + [3] * 12 + [4] * 6 + [5] * 2
    assert bar_numbers(sequence, 36).tolist() == expected


def test_a_score_knows_its_tempo_and_repeated_notes():
    grid = np.array([CHORD] * 4)
    onsets = np.zeros([4, 4], bool)
    onsets[2, 0] = True
    score = read_score(grid_to_sequence(grid, 90, onsets))
    np.testing.assert_array_equal(score.grid, grid)
    onsets[0] = True
    np.testing.assert_array_equal(score.onsets, onsets)
    assert score.qpm == 90
    with pytest.raises(UserError, match="no music there"):
        read_score(grid_to_sequence(np.full([4, 4], -1)))


def test_voices_and_bars_in_words():
    assert parse_voices(["alto", " Bass"]) == [1, 3] and parse_voices([]) == []
    assert parse_bars(["3-5", "9"]) == [3, 4, 5, 9] and parse_bars([]) == []


@pytest.mark.parametrize("text", ["", "x", "0", "4-3", "1-", "-2", "1.5"])
def test_what_is_no_bar(text):
    with pytest.raises(UserError, match="write such as 3-4 or 7"):
        parse_bars([text])


def test_what_is_no_voice():
    with pytest.raises(UserError, match="'viola': choose from soprano,alto,tenor,bass"):
        parse_voices(["viola"])
