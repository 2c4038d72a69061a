import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokenizers.metric_music import sequences
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers.beats import (
    TempoMap,
    add_bars,
    bar_bounds,
    beats_of_bars,
    nearest_steps,
    separate_repeats,
)


def sequence_of(tempos=(), meters=()):
    sequence = NoteSequence()
    for time, qpm in tempos:
        sequence.tempos.add(time=time, qpm=qpm)
    for time, numerator, denominator in meters:
        sequence.time_signatures.add(
            time=time, numerator=numerator, denominator=denominator
        )
    return sequence


def test_quarters_follow_the_tempos():
    tempo_map = TempoMap.of(sequence_of([(2.0, 60.0), (4.0, 240.0)]))
    # 120 a minute for two seconds, then one a second, then four.
    quarters = tempo_map.to_quarters([0, 1, 2, 3, 4, 5])
    assert quarters.tolist() == [0, 2, 4, 5, 6, 10]
    assert tempo_map.to_seconds(quarters).tolist() == [0, 1, 2, 3, 4, 5]


def test_the_last_tempo_of_a_place_holds():
    tempo_map = TempoMap.of(sequence_of([(0, 60), (0, 90), (1, 30)]))
    assert tempo_map.qpm.tolist() == [90, 30]
    tempo_map = TempoMap.from_changes(np.array([4, 0, 4]), np.array([60, 90, 30]))
    assert tempo_map.quarters.tolist() == [0, 4]
    assert tempo_map.qpm.tolist() == [90, 30]
    assert TempoMap.from_changes(np.zeros(0), np.zeros(0)).qpm.tolist() == [120]


def test_a_tempo_of_zero_is_none():
    assert TempoMap.of(sequence_of([(0, 0), (1, 60)])).qpm.tolist() == [120, 60]


@given(sequences(), st.lists(st.floats(0, 100), max_size=5))
def test_seconds_come_back(sequence, seconds):
    tempo_map = TempoMap.of(sequence)
    back = tempo_map.to_seconds(tempo_map.to_quarters(seconds))
    np.testing.assert_allclose(back, seconds, atol=1e-9)
    written = NoteSequence()
    tempo_map.add_to(written)
    again = TempoMap.of(written).to_quarters(seconds)
    np.testing.assert_allclose(again, tempo_map.to_quarters(seconds), atol=1e-9)


@pytest.mark.parametrize(
    "meters, num_steps, expected",
    [
        ([], 17, [0, 16, 32]),  # 4/4
        ([(0, 3, 4)], 13, [0, 12, 24]),
        ([(0, 6, 8)], 12, [0, 12]),
        ([(0, 4, 4), (2.5, 3, 4)], 33, [0, 16, 20, 32, 44]),  # a bar of one quarter
        ([(0, 5, 32)], 7, [0, 2, 5, 8]),  # 2.5 steps
        ([(0, 3, 32)], 6, [0, 2, 3, 4, 6]),  # 1.5 steps
        ([(0, 9, 4)], 16, [0, 16]),  # longer than 8 quarters: 4/4
        ([(0, 1, 64)], 16, [0, 16]),  # shorter than a 16th: 4/4
        ([(1, 3, 4)], 9, [0, 8, 20]),  # 4/4 until the first
        ([(100, 3, 4)], 1, [0, 16]),
        ([], 0, [0]),
    ],
)
def test_bars_by_the_meters(meters, num_steps, expected):
    sequence = sequence_of(meters=meters)
    bounds = bar_bounds(sequence, TempoMap.of(sequence), num_steps)
    assert bounds.tolist() == expected


@given(sequences(), st.integers(1, 200))
def test_bars_cover_the_music_and_come_back(sequence, num_steps):
    tempo_map = TempoMap.of(sequence)
    bounds = bar_bounds(sequence, tempo_map, num_steps)
    assert bounds[0] == 0 and bounds[-2] < num_steps <= bounds[-1]
    assert ((np.diff(bounds) >= 1) & (np.diff(bounds) <= 32)).all()
    written = NoteSequence()
    tempo_map.add_to(written)
    add_bars(written, tempo_map, bounds)
    np.testing.assert_array_equal(
        bar_bounds(written, tempo_map, int(bounds[-1])), bounds
    )


def test_meters_are_written_where_bars_change():
    sequence = NoteSequence()
    tempo_map = TempoMap.from_changes(np.zeros(1), np.array([60]))
    add_bars(sequence, tempo_map, np.array([0, 16, 32, 44, 50, 55]))
    written = [(m.time, m.numerator, m.denominator) for m in sequence.time_signatures]
    assert written == [(0, 4, 4), (8, 3, 4), (11, 3, 8), (12.5, 5, 16)]


def test_steps_are_the_nearest():
    assert nearest_steps([0.12, 0.13, 0.99], 4).tolist() == [0, 1, 4]


def test_a_key_struck_again_ends_its_note():
    keys = np.array([60, 62, 60, 60, 60])
    starts = np.array([4, 0, 0, 0, 8])
    ends = np.array([9, 9, 2, 5, 9])
    kept, lasts = separate_repeats(keys, starts, ends)
    # The longer of two that begin together, until 4; one from 4 until 8; and so on.
    assert kept.tolist() == [3, 0, 4, 1]
    assert lasts.tolist() == [4, 8, 9, 9]


def test_beats_of_bars_are_quarters_and_what_is_left():
    beats, bar = beats_of_bars(np.array([0, 16, 22, 34]))  # 4/4, 3/8, 3/4
    assert beats.tolist() == [0, 4, 8, 12, 16, 20, 22, 26, 30, 34]
    assert bar.tolist() == [0] * 4 + [1] * 2 + [2] * 3
