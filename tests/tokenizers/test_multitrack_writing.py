import numpy as np

from tests.tokenizers.metric_music import events
from tfmusic.music.note_arrays import NoteArrays
from tfmusic.tokenizers import MultitrackTokenizer
from tfmusic.tokenizers.multitrack_writing import Places, write_tracks

TOKENIZER = MultitrackTokenizer()


def test_windows_hold_tracks_and_tracks_hold_bars():
    # A bass of two bars of a quarter each, and a bass drum in the second; a window a
    # bar. Steps are 12ths of a quarter.
    pitch = np.array([40, 36, 43])
    start, end = np.array([0, 12, 18]), np.array([12, 15, 24])
    bar = np.array([0, 1, 1])
    places = Places(
        window=bar,
        track=np.array([0, 1, 0]),
        bar=bar,
        last_bar=bar,
        start=start,
        end=end,
    )
    notes = NoteArrays(
        pitch=pitch,
        velocity=np.full(3, 80),
        start=start / 24,
        end=end / 24,
        program=np.array([33, 0, 33]),
        instrument=np.array([0, 1, 0]),
        is_drum=np.array([False, True, False]),
    )
    tracks = np.array([[0, 33, 0], [1, 0, 1]])
    ids = write_tracks(
        places, notes, tracks, np.array([0, 12, 24]), 1, TOKENIZER.vocabulary
    )
    assert ids.dtype == np.int32
    bass = ["TRACK_START 0", "INSTRUMENT 33", "DENSITY 3"]  # four in four quarters
    assert events(TOKENIZER, ids) == [
        *["PIECE_START 0", *bass, "BAR_START 4"],
        *["NOTE_ON 40", "TIME_DELTA 12", "NOTE_OFF 40", "BAR_END 0", "TRACK_END 0"],
        *["PIECE_START 0", *bass, "BAR_START 4", "TIME_DELTA 6"],
        *["NOTE_ON 43", "TIME_DELTA 6", "NOTE_OFF 43", "BAR_END 0", "TRACK_END 0"],
        *["TRACK_START 0", "DRUMS 0", "DENSITY 3"],
        *["BAR_START 4", "DRUM_ON 36", "BAR_END 0", "TRACK_END 0"],
    ]


def test_a_longer_time_than_a_delta_is_two():
    place = {name: np.array([0]) for name in ("window", "track", "bar", "last_bar")}
    places = Places(**place, start=np.array([50]), end=np.array([96]))
    zero = np.zeros(1, np.int32)
    notes = NoteArrays(
        pitch=zero + 60,
        velocity=zero,
        start=zero + 2.0,
        end=zero + 4.0,
        program=zero,
        instrument=zero,
        is_drum=zero > 0,
    )
    ids = write_tracks(
        places, notes, np.zeros([1, 3], int), np.array([0, 96]), 1, TOKENIZER.vocabulary
    )
    assert events(TOKENIZER, ids)[4:10] == [
        *["BAR_START 32", "TIME_DELTA 48", "TIME_DELTA 2", "NOTE_ON 60"],
        *["TIME_DELTA 46", "NOTE_OFF 60"],
    ]
