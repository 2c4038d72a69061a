import numpy as np

from tfmusic.music.midi_instruments import Instruments, Programs

PIANO, CHOIR = 0, 52


def array(*values):
    return np.array(values, np.int64)


def owners(instruments, *changes):
    """Changes are (voice, program, row)."""
    found = instruments.owners(
        *(array(*column) for column in zip(*changes, strict=True))
    )
    return [places.tolist() for places in found]


def test_programs_hold_from_where_they_stand_on():
    programs = Programs(array(3, 1, 3), array(10, 12, 20), array(CHOIR, 7, 9))
    voice = array(3, 3, 3, 3, 1, 1, 2)
    row = array(9, 11, 19, 99, 11, 13, 99)
    assert programs.at(voice, row).tolist() == [0, CHOIR, CHOIR, 9, 0, 7, 0]


def test_without_program_changes_all_is_piano():
    programs = Programs(array(), array(), array())
    assert programs.at(array(3, 4), array(1, 2)).tolist() == [PIANO, PIANO]


def test_instruments_are_numbered_as_their_first_notes_end():
    instruments = Instruments(
        array(5, 2, 5, 5, 2), array(0, CHOIR, 0, 7, CHOIR), array(10, 12, 14, 16, 18)
    )
    assert instruments.of_note.tolist() == [0, 1, 0, 2, 1]
    assert instruments.voice.tolist() == [5, 2, 5]
    assert instruments.program.tolist() == [0, CHOIR, 7]
    assert instruments.row.tolist() == [10, 12, 16]


def test_changes_before_the_first_note_has_ended_wait_for_it():
    instruments = Instruments(array(5), array(PIANO), array(10))
    changes = [(5, PIANO, 3), (5, CHOIR, 4), (5, PIANO, 12), (6, PIANO, 13)]
    assert owners(instruments, *changes) == [[0, 1, 2]]


def test_those_that_wait_go_to_every_later_instrument_of_the_channel():
    instruments = Instruments(array(5, 5), array(PIANO, CHOIR), array(10, 20))
    changes = [(5, PIANO, 3), (5, PIANO, 12), (5, CHOIR, 22)]
    assert owners(instruments, *changes) == [[0, 1, 2], [0, 1, 2]]
    # Nothing waits before the piano begins, so it has a list of its own.
    changes = [(5, PIANO, 12), (5, CHOIR, 13), (5, PIANO, 14), (5, CHOIR, 22)]
    assert owners(instruments, *changes) == [[0, 2], [1, 3]]


def test_changes_without_instruments_are_nobodys():
    assert owners(Instruments(array(), array(), array()), (5, PIANO, 3)) == []
    instruments = Instruments(array(5), array(PIANO), array(10))
    assert owners(instruments, (6, PIANO, 3), (5, CHOIR, 12)) == [[]]
