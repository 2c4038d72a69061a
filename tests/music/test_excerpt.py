"""The first seconds of a piece."""

import pytest

from tfmusic.music.excerpt import first_seconds
from tfmusic.music.note_sequence import NoteSequence


@pytest.fixture
def sequence():
    """A scale in quarters of half a second, its last note held; a tempo change."""
    sequence = NoteSequence(total_time=4.0)
    for index, pitch in enumerate([60, 62, 64, 65]):
        sequence.notes.add(pitch=pitch, start_time=index / 2, end_time=(index + 1) / 2)
    sequence.notes[-1].end_time = 4.0
    sequence.tempos.add(time=0.0, qpm=120)
    sequence.tempos.add(time=1.5, qpm=60)
    sequence.instrument_infos.add(instrument=0, name="Flute")
    return sequence


def test_notes_and_tempos_after_the_end_are_left_out(sequence):
    excerpt = first_seconds(sequence, 1.25)
    assert [(note.pitch, note.end_time) for note in excerpt.notes] == [
        (60, 0.5),
        (62, 1.0),
        (64, 1.25),
    ]
    assert [tempo.qpm for tempo in excerpt.tempos] == [120]
    assert excerpt.total_time == 1.25
    assert excerpt.instrument_infos[0].name == "Flute"


def test_a_note_that_begins_at_the_end_is_not_heard(sequence):
    assert len(first_seconds(sequence, 1.0).notes) == 2


def test_a_piece_that_is_shorter_stays_as_it_is(sequence):
    assert first_seconds(sequence, 4.0) == sequence
    assert first_seconds(sequence, 60.0) == sequence


def test_the_given_piece_is_not_changed(sequence):
    before = sequence.SerializeToString(deterministic=True)
    first_seconds(sequence, 0.5)
    assert sequence.SerializeToString(deterministic=True) == before
