import numpy as np
import pytest
from hypothesis import given

from tests.tokenizers.music import note_seq_sustained, sequences
from tfmusic.music.note_arrays import note_arrays
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers.sustain import apply_sustain, pedal_movements, read_pedal


def as_tuples(notes):
    """The notes as comparable rows."""
    return [
        tuple(row)
        for row in zip(
            *(getattr(notes, name).tolist() for name in ("pitch", "start", "end")),
            notes.instrument.tolist(),
            notes.velocity.tolist(),
            strict=True,
        )
    ]


def piano(notes, pedal):
    """A sequence of notes (pitch, start, end) and pedal changes (time, value)."""
    sequence = NoteSequence()
    for pitch, start, end in notes:
        sequence.notes.add(pitch=pitch, start_time=start, end_time=end, velocity=64)
    for time, value in pedal:
        sequence.control_changes.add(time=time, control_number=64, control_value=value)
    return sequence


def sounding(notes, pedal):
    """The ends of notes under a pedal."""
    sequence = piano(notes, pedal)
    return apply_sustain(note_arrays(sequence), read_pedal(sequence)).end.tolist()


@given(sequences())
def test_notes_are_those_of_note_seq(sequence):
    expected = note_arrays(note_seq_sustained(sequence))
    notes = apply_sustain(note_arrays(sequence), read_pedal(sequence))
    assert as_tuples(notes) == as_tuples(expected)


def test_notes_last_until_the_pedal_lifts():
    pedal = [(0.5, 127), (3, 0)]
    assert sounding([(60, 0, 1), (64, 0, 0.4), (67, 2, 5)], pedal) == [3, 0.4, 5]


def test_a_pedal_that_never_lifts_holds_notes_to_the_last_event():
    assert sounding([(60, 0, 1), (64, 2, 4)], [(0.5, 127)]) == [4, 4]


def test_a_key_that_is_struck_again_ends_the_note_before():
    assert sounding([(60, 0, 1), (60, 2, 2.5)], [(0, 127), (3, 0)]) == [2, 3]


def test_64_is_down_and_63_is_up():
    assert sounding([(60, 0, 1)], [(0, 64), (2, 63), (3, 0)]) == [2]


def test_five_notes_in_are_five_notes_out():
    notes = [(60 + k, k, k + 0.5) for k in range(5)]
    assert sounding(notes, []) == [k + 0.5 for k in range(5)]
    assert sounding(notes, [(0, 127), (9, 0)]) == [9] * 5
    assert sounding(notes, [(0.2, 127), (2.7, 0)]) == [2.7, 2.7, 2.7, 3.5, 4.5]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], []),
        ([(1, 0)], []),  # it is up at first
        ([(2, 0), (1, 127)], [(1, True), (2, False)]),  # in any order
        # A pedal that says how deep it is: what counts is where it passes 64.
        ([(1, 70), (2, 90), (3, 64), (4, 63), (5, 10)], [(1, True), (4, False)]),
        ([(1, 0), (1, 127)], []),  # of one time, up comes last
        ([(1, 127), (2, 0), (2, 127), (3, 127)], [(1, True), (2, False), (3, True)]),
    ],
)
def test_movements_are_where_the_pedal_goes_down_or_up(changes, expected):
    times, is_down = pedal_movements(read_pedal(piano([], changes)))
    assert list(zip(times.tolist(), is_down.tolist(), strict=True)) == expected


@given(sequences())
def test_the_pedal_is_down_where_any_instruments_is(sequence):
    pedal = read_pedal(sequence)
    times, is_down = pedal_movements(pedal)
    assert is_down.tolist() == [k % 2 == 0 for k in range(len(times))]
    for time in np.unique(pedal.time):
        expected = False
        for instrument in range(3):
            changes = sorted(
                (change.time, change.control_value < 64)
                for change in sequence.control_changes
                if change.control_number == 64 and change.instrument == instrument
                if change.time <= time
            )
            expected |= bool(changes) and not changes[-1][1]
        assert np.sum(times <= time) % 2 == expected
