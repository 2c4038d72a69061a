import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmusic.music.midi_notes import pair_notes


def pairs(events):
    """Events are (key, tick, is_on); notes are (first, last)."""
    key, tick, is_on = zip(*events, strict=True)
    first, last = pair_notes(np.array(key), np.array(tick), np.array(is_on, bool))
    return list(zip(first.tolist(), last.tolist(), strict=True))


ON, OFF = True, False


@pytest.mark.parametrize(
    "events, expected",
    [
        ([(60, 0, ON), (60, 96, OFF)], [(0, 1)]),
        # In the order in which they end.
        ([(60, 0, ON), (64, 0, ON), (64, 9, OFF), (60, 9, OFF)], [(1, 2), (0, 3)]),
        ([(60, 0, ON)], []),  # never ends
        ([(60, 0, OFF), (60, 5, ON), (60, 9, OFF), (60, 9, OFF)], [(1, 2)]),
        ([(60, 5, ON), (60, 5, OFF), (60, 9, OFF)], []),  # lasts no time
        # One note-off ends both of two that sound.
        ([(60, 0, ON), (60, 5, ON), (60, 9, OFF), (60, 12, OFF)], [(0, 2), (1, 2)]),
        # A note that begins where the one before ends, its note-on first.
        ([(60, 0, ON), (60, 5, ON), (60, 5, OFF), (60, 9, OFF)], [(0, 2), (1, 3)]),
        # Two that begin where they end, with none before: both are dropped.
        ([(60, 5, ON), (60, 5, ON), (60, 5, OFF), (60, 9, OFF)], []),
        # Overlaps of one key leave the others alone.
        (
            [(60, 0, ON), (64, 0, ON), (60, 5, ON), (64, 6, OFF), (60, 9, OFF)],
            [(1, 3), (0, 4), (2, 4)],
        ),
    ],
)
def test_pairs(events, expected):
    assert pairs(events) == expected


def naive(events):
    sounding, found = {}, []
    for index, (key, tick, is_on) in enumerate(events):
        begun = sounding.setdefault(key, [])
        if is_on:
            begun.append(index)
            continue
        ended = [first for first in begun if events[first][1] < tick]
        found += [(first, index) for first in ended]
        sounding[key] = [first for first in begun if first not in ended and ended]
    return found


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_pairs_equal_a_naive_reading(steps):
    tick, events = 0, []
    for key, delta, is_on in steps:
        tick += delta
        events.append((key, tick, is_on))
    assert pairs(events) == naive(events)


def test_no_events():
    first, last = pair_notes(np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool))
    assert len(first) == len(last) == 0
