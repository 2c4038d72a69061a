"""Notes go into arrays and back without a loss."""

import dataclasses

import numpy as np
import pytest

from tfmusic.music.note_arrays import (
    ControlArrays,
    NoteArrays,
    add_controls,
    add_notes,
    digest,
    note_arrays,
)
from tfmusic.music.note_sequence import NoteSequence

NOTES = [  # pitch, velocity, start, end, program, instrument, is_drum
    (0, 1, 0.0, 0.1, 0, 0, False),
    (127, 127, 1 / 3, 12_345.678, 127, 2**14 - 1, True),
    (60, 64, 0.0, 2.0, 40, 128, False),
]
CHANGES = [  # time, number, value, program, instrument, is_drum
    (0.0, 64, 127, 0, 0, False),
    (0.7, 7, 0, 127, 2**14 - 1, True),
    (1.5, 64, 0, 0, 0, False),
]


def arrays(kind, rows):
    return kind(*map(np.array, zip(*rows, strict=True)))


def rows(arrays):
    columns = (getattr(arrays, field.name) for field in dataclasses.fields(arrays))
    return list(zip(*(column.tolist() for column in columns), strict=True))


def written_one_by_one():
    sequence = NoteSequence(total_time=NOTES[1][3])
    for pitch, velocity, start, end, program, instrument, is_drum in NOTES:
        sequence.notes.add(
            pitch=pitch,
            velocity=velocity,
            start_time=start,
            end_time=end,
            program=program,
            instrument=instrument,
            is_drum=is_drum,
        )
    for time, number, value, program, instrument, is_drum in CHANGES:
        sequence.control_changes.add(
            time=time,
            control_number=number,
            control_value=value,
            program=program,
            instrument=instrument,
            is_drum=is_drum,
        )
    return sequence


def test_written_at_once_it_is_what_field_by_field_gives():
    sequence = NoteSequence()
    add_notes(sequence, arrays(NoteArrays, NOTES))
    add_controls(sequence, arrays(ControlArrays, CHANGES))
    expected = written_one_by_one()
    assert sequence == expected
    assert sequence.SerializeToString() == expected.SerializeToString()


def test_what_is_read_is_what_was_written():
    sequence = written_one_by_one()
    assert rows(note_arrays(sequence)) == NOTES
    assert len(note_arrays(NoteSequence())) == 0


def test_notes_are_appended_and_the_total_time_never_shrinks():
    sequence = written_one_by_one()
    add_notes(sequence, arrays(NoteArrays, NOTES[:1]))
    add_notes(sequence, arrays(NoteArrays, NOTES).take(np.zeros(0, int)))
    assert rows(note_arrays(sequence)) == [*NOTES, NOTES[0]]
    assert sequence.total_time == 12_345.678


def test_times_may_be_whole_numbers():
    notes = arrays(NoteArrays, [(60, 80, 1, 2, 0, 0, False)])
    assert notes.start.dtype == np.int64
    sequence = NoteSequence()
    add_notes(sequence, notes)
    [note] = sequence.notes
    assert (note.start_time, note.end_time, sequence.total_time) == (1, 2, 2)


def test_notes_are_taken_by_place_or_mask():
    notes = arrays(NoteArrays, NOTES)
    assert rows(notes.take(np.array([2, 0]))) == [NOTES[2], NOTES[0]]
    assert rows(notes.take(notes.is_drum)) == [NOTES[1]]


@pytest.mark.parametrize(
    ("field", "value", "is_same"),
    [
        ("start", 0.0004, True),
        ("instrument", 5, True),
        ("start", 0.0006, False),
        ("pitch", 1, False),
        ("velocity", 2, False),
        ("program", 1, False),
        ("is_drum", True, False),
    ],
)
def test_a_digest_tells_notes_apart(field, value, is_same):
    sequence, other = NoteSequence(), NoteSequence(id="other")
    notes = arrays(NoteArrays, NOTES)
    add_notes(sequence, notes)
    changed = getattr(notes, field).copy()
    changed[0] = value
    changed = dataclasses.replace(notes, **{field: changed})
    add_notes(other, changed.take(np.array([1, 2, 0])))  # the order makes no difference
    assert (digest(sequence) == digest(other)) is is_same
