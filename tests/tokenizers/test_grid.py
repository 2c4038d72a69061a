import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence, midi_io
from tfmusic.tokenizers.grid import grid_to_sequence, read_grid, sequence_to_grid

STEP = 0.125  # seconds of a 16th at 120 quarters a minute


def sequence_of(notes, total_steps=None):
    """Notes are (pitch, start, end, fields), times in steps at 120."""
    sequence = NoteSequence()
    for pitch, start, end, fields in notes:
        sequence.notes.add(
            pitch=pitch,
            start_time=start * STEP,
            end_time=end * STEP,
            velocity=80,
            **fields,
        )
    if total_steps is None:
        total_steps = max(end for _, _, end, _ in notes)
    sequence.total_time = total_steps * STEP
    return sequence


def melody(*notes):
    """The first voice of a one-track sequence of (pitch, start, end)."""
    return sequence_to_grid(sequence_of([(*note, {}) for note in notes]))[:, 0].tolist()


pitches = st.one_of(st.just(-1), st.integers(60, 62), st.integers(0, 127))
grids = st.lists(st.tuples(pitches, pitches, pitches, pitches), max_size=12)


@settings(deadline=None)
@given(grids, st.floats(20, 300))
def test_a_grid_comes_back_from_its_sequence(rows, qpm):
    # Rests (at the end, of a whole voice), unisons and crossings are among these.
    grid = np.array(rows, np.int32).reshape(-1, 4)
    back = sequence_to_grid(grid_to_sequence(grid, qpm=qpm))
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, grid)


@settings(deadline=None, max_examples=20)
@given(grids.filter(len), st.floats(40, 200))
def test_a_grid_comes_back_from_a_midi_file(rows, qpm):
    # A file keeps neither rests at the end nor voices that rest throughout.
    grid = np.array([*rows, (60, 55, 52, 48)], np.int32)
    midi = midi_io.note_sequence_to_pretty_midi(grid_to_sequence(grid, qpm=qpm))
    file = io.BytesIO()
    midi.write(file)
    back = sequence_to_grid(midi_io.midi_to_note_sequence(file.getvalue()))
    np.testing.assert_array_equal(back, grid)


def test_notes_of_a_grid():
    grid = [
        [72, 67, 64, -1],
        [72, 67, 62, -1],
        [72, -1, 62, 48],
        [-1, -1, -1, -1],
    ]
    sequence = grid_to_sequence(grid, qpm=60)  # a 16th lasts a quarter of a second
    notes = [(n.part, n.pitch, n.start_time, n.end_time) for n in sequence.notes]
    assert notes == [
        (0, 72, 0.0, 0.75),  # three 16ths of C5 are one note
        (1, 67, 0.0, 0.5),
        (2, 64, 0.0, 0.25),
        (2, 62, 0.25, 0.75),
        (3, 48, 0.5, 0.75),
    ]
    assert sequence.total_time == 1.0
    assert [tempo.qpm for tempo in sequence.tempos] == [60]
    names = ["Soprano", "Alto", "Tenor", "Bass"]
    assert [info.name for info in sequence.part_infos] == names
    assert [info.name for info in sequence.instrument_infos] == names
    assert all(note.instrument == note.part for note in sequence.notes)
    assert {note.program for note in sequence.notes} == {52}


def test_the_tempo_is_120_unless_asked():
    assert grid_to_sequence([[60, 60, 60, 60]]).tempos[0].qpm == 120
    assert grid_to_sequence([[60, 60, 60, 60]]).total_time == STEP


@pytest.mark.parametrize("field", ["part", "instrument"])
def test_parts_and_instruments_are_voices_in_their_order(field):
    # The lower number is soprano, though its pitch is the lower one here.
    sequence = sequence_of([(60, 0, 1, {field: 3}), (72, 0, 1, {field: 5})])
    assert sequence_to_grid(sequence).tolist() == [[60, 72, -1, -1]]


def test_parts_go_before_instruments():
    sequence = sequence_of(
        [
            (60, 0, 1, {"part": 0, "instrument": 2}),
            (72, 0, 1, {"part": 1, "instrument": 1}),
        ]
    )
    assert sequence_to_grid(sequence).tolist() == [[60, 72, -1, -1]]


def test_one_track_is_read_by_skyline():
    sequence = sequence_of(
        [(48, 0, 2, {}), (72, 0, 1, {}), (64, 0, 2, {}), (67, 1, 2, {}), (76, 1, 2, {})]
    )
    assert sequence_to_grid(sequence).tolist() == [
        [72, 64, 48, -1],
        [76, 67, 64, 48],
    ]


def test_tracks_with_chords_are_read_by_skyline():
    left, right = {"instrument": 1}, {"instrument": 0}
    sequence = sequence_of(
        [(72, 0, 1, right), (67, 0, 1, right), (52, 0, 1, left), (48, 0, 1, left)]
    )
    assert sequence_to_grid(sequence).tolist() == [[72, 67, 52, 48]]


def test_more_than_four_parts_of_at_most_four_pitches_are_read_by_skyline():
    sequence = sequence_of([(60 + k, k, k + 1, {"instrument": k}) for k in range(6)])
    assert sequence_to_grid(sequence)[:, 0].tolist() == [60, 61, 62, 63, 64, 65]


@pytest.mark.parametrize("field", ["part", "instrument", None])
def test_more_than_four_voices_are_an_error(field):
    notes = [(60 + k, 4, 8, {field: k} if field else {}) for k in range(5)]
    with pytest.raises(UserError, match="5 pitches sound at once at quarter 1:"):
        sequence_to_grid(sequence_of(notes))


def test_drums_are_left_out():
    drums = {"is_drum": True, "instrument": 0}
    sequence = sequence_of([(38, 0, 1, drums), (60, 0, 1, {"instrument": 1})])
    sequence.instrument_infos.add(instrument=0, name="Drums")
    assert sequence_to_grid(sequence).tolist() == [[60, -1, -1, -1]]


def test_a_silent_part_of_four_keeps_its_place():
    sequence = sequence_of([(60, 0, 1, {"part": 1}), (50, 0, 1, {"part": 3})])
    assert sequence_to_grid(sequence).tolist() == [[60, 50, -1, -1]]
    for part, name in enumerate(["Soprano", "Alto", "Tenor", "Bass"]):
        sequence.part_infos.add(part=part, name=name)
    assert sequence_to_grid(sequence).tolist() == [[-1, 60, -1, 50]]


def test_silence_is_rests():
    assert sequence_to_grid(sequence_of([], total_steps=2)).tolist() == [[-1] * 4] * 2
    assert sequence_to_grid(NoteSequence()).shape == (0, 4)


def test_the_note_at_a_steps_start_stands_for_the_step():
    # two 32nds, then a dotted 16th and a 32nd
    assert melody((60, 0, 0.5), (62, 0.5, 1)) == [60]
    assert melody((60, 0, 1.5), (62, 1.5, 2)) == [60, 60]
    # a triplet of 16ths in an eighth: at its second 16th the second note sounds
    assert melody((60, 0, 2 / 3), (62, 2 / 3, 4 / 3), (64, 4 / 3, 2)) == [60, 62]


def test_played_notes_are_a_little_early_or_late():
    assert melody((60, 0.1, 1.9), (62, 2.15, 2.9), (64, 2.9, 4.1)) == [60, 60, 62, 64]


def test_the_later_of_two_notes_of_a_voice_takes_over():
    voice, other = {"part": 0}, {"part": 1}
    sequence = sequence_of([(60, 0, 3, voice), (62, 2, 4, voice), (50, 0, 4, other)])
    assert sequence_to_grid(sequence)[:, 0].tolist() == [60, 60, 62, 62]


def test_tempo_changes_are_followed():
    sequence = NoteSequence(total_time=5.0)
    sequence.tempos.add(time=2.0, qpm=30)  # listed late first: the order is by time
    sequence.tempos.add(time=1.0, qpm=60)
    # one second at the 120 that MIDI begins with: 8 steps; one at 60: 4 steps
    # (a quarter); then three at 30: 6 steps
    for pitch, start, end in [(60, 0, 1), (62, 1, 1.5), (64, 1.5, 2), (65, 2, 5)]:
        sequence.notes.add(pitch=pitch, start_time=start, end_time=end)
    expected = [60] * 8 + [62] * 2 + [64] * 2 + [65] * 6
    assert sequence_to_grid(sequence)[:, 0].tolist() == expected


def test_the_last_of_two_tempos_at_one_time_holds():
    sequence = NoteSequence(total_time=1.0)
    sequence.tempos.add(time=0.0, qpm=120)
    sequence.tempos.add(time=0.0, qpm=60)
    assert len(sequence_to_grid(sequence)) == 4


@pytest.mark.parametrize("names", [("Bass", "Alto"), (" bass", "ALTO")])
def test_names_of_voices_go_before_the_order(names):
    sequence = sequence_of([(50, 0, 1, {"instrument": 2})])
    sequence.instrument_infos.add(instrument=2, name=names[0])
    assert sequence_to_grid(sequence).tolist() == [[-1, -1, -1, 50]]
    sequence.notes.add(pitch=60, start_time=0, end_time=STEP, instrument=3)
    assert sequence_to_grid(sequence).tolist() == [[50, 60, -1, -1]], "one has none"
    sequence.instrument_infos.add(instrument=3, name=names[1])
    assert sequence_to_grid(sequence).tolist() == [[-1, 60, -1, 50]]


def test_two_parts_of_one_name_are_voices_in_their_order():
    sequence = sequence_of([(60, 0, 1, {"part": 0}), (55, 0, 1, {"part": 1})])
    for part in (0, 1):
        sequence.part_infos.add(part=part, name="Bass")
    assert sequence_to_grid(sequence).tolist() == [[60, 55, -1, -1]]


@pytest.mark.parametrize("fields", [{}, {"part": 1}])
def test_onsets_tell_a_repeated_note_from_a_held_one(fields):
    notes = [(60, 0, 2, fields), (60, 2, 4, fields), (62, 4, 6, fields)]
    other = (48, 0, 6, {"part": 2} if fields else {})
    grid, onsets = read_grid(sequence_of([*notes, other]))
    assert grid[:, 0].tolist() == [60] * 4 + [62] * 2
    assert np.flatnonzero(onsets[:, 0]).tolist() == [0, 2, 4]
    assert np.flatnonzero(onsets[:, 1]).tolist() == [0]
    back = grid_to_sequence(grid, onsets=onsets)
    spans = [(n.pitch, n.start_time / STEP, n.end_time / STEP) for n in back.notes]
    assert spans == [(60, 0, 2), (48, 0, 6), (60, 2, 4), (62, 4, 6)]
