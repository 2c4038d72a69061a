import numpy as np

from tests.tokenizers.metric_music import ids_of
from tfmusic.tokenizers import MultitrackTokenizer
from tfmusic.tokenizers.multitrack_reading import read_tracks

VOCABULARY = MultitrackTokenizer().vocabulary


def read(text):
    return read_tracks(np.array(ids_of(MultitrackTokenizer(), text)), VOCABULARY)


def test_a_window_begins_after_the_longest_track():
    tracks = read(
        "PIECE_START 0 TRACK_START 0 INSTRUMENT 5 BAR_START 4 BAR_END 0 TRACK_END 0 "
        "TRACK_START 0 DRUMS 0 BAR_START 4 BAR_END 0 BAR_START 6 BAR_END 0 TRACK_END 0 "
        "PIECE_START 0 TRACK_START 0 INSTRUMENT 5 BAR_START 8 NOTE_ON 60"
    )
    assert tracks.bounds.tolist() == [0, 4, 10, 18]  # 16ths
    assert tracks.start.tolist() == [30]  # 12ths of a quarter
    assert tracks.end.tolist() == [54]  # with its track
    assert tracks.num_invalid == 0


def test_tracks_are_numbered_as_their_programs_appear():
    note = "BAR_START 4 NOTE_ON 60 BAR_END 0 TRACK_END 0 "
    tracks = read(
        "PIECE_START 0 "
        f"TRACK_START 0 INSTRUMENT 7 {note} TRACK_START 0 INSTRUMENT 7 {note}"
        "PIECE_START 0 "
        f"TRACK_START 0 INSTRUMENT 2 {note} TRACK_START 0 INSTRUMENT 7 {note}"
    )
    assert tracks.program.tolist() == [7, 7, 2, 7]
    assert tracks.instrument.tolist() == [0, 1, 2, 0]


def test_a_track_without_an_instrument_is_a_piano():
    tracks = read("TRACK_START 0 BAR_START 4 TIME_DELTA 3 NOTE_ON 60")
    assert (tracks.program.tolist(), tracks.is_drum.tolist()) == ([0], [False])
    assert (tracks.start.tolist(), tracks.end.tolist()) == ([3], [12])
