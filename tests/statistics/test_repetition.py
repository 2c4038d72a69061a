import numpy as np
import pytest

from tests.statistics.notes import make_melody, make_notes
from tfmusic.statistics.repetition import repeats, repetition_lags

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def test_a_scale_heard_twice():
    repeated, lag = repeats(make_melody(SCALE + SCALE))
    # Eight notes begin anew at the second C only; the runs between cross the middle.
    assert repeated.tolist() == [False] * 8 + [True]
    assert lag.tolist() == [0.0] * 8 + [2.0]


def test_a_note_again_and_again_repeats_at_once():
    repeated, lag = repeats(make_melody([60] * 12, seconds=0.5))
    assert repeated.tolist() == [False] + [True] * 4
    assert lag.tolist() == [0.0] + [0.5] * 4


def test_the_last_time_counts():
    _, lag = repeats(make_melody(SCALE * 3))
    assert lag[-1] == 2.0


def test_another_key_is_new():
    melody = make_melody(SCALE + [pitch + 2 for pitch in SCALE])
    assert not repeats(melody)[0].any()


def test_lags_are_shares():
    lags = repetition_lags(make_melody(SCALE * 2))
    # new, < 1 s, < 2 s, < 4 s and so on; the repeat begins two seconds later
    assert lags == pytest.approx([8 / 9, 0, 0, 1 / 9, 0, 0, 0, 0, 0])


def test_too_few_notes_have_no_runs():
    assert np.isnan(repetition_lags(make_melody(SCALE[:7]))).all()
    assert np.isnan(repetition_lags(make_notes([]))).all()


def test_as_a_set_of_tuples_says():
    generator = np.random.default_rng(0)
    pitches = generator.integers(60, 62, 400).tolist()
    seen, expected = set(), []
    for place in range(len(pitches) - 7):
        run = tuple(pitches[place : place + 8])
        expected.append(run in seen)
        seen.add(run)
    assert repeats(make_melody(pitches))[0].tolist() == expected
