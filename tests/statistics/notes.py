"""Hand-made music for the tests of statistics."""

import numpy as np

from tfmusic.music.note_arrays import NoteArrays


def make_notes(rows, is_drum=False):
    """Notes of (pitch, start, end), or of (pitch, start) that last a quarter second."""
    rows = [(*row, row[1] + 0.25) if len(row) == 2 else row for row in rows]
    pitch, start, end = np.array(rows, np.float64).reshape(-1, 3).T
    number = np.zeros(len(rows), np.int32)
    return NoteArrays(
        pitch=pitch.astype(np.int32),
        velocity=number + 80,
        start=start,
        end=end,
        program=number,
        instrument=number,
        is_drum=np.full(len(rows), is_drum),
    )


def make_melody(pitches, seconds=0.25, start=0.0):
    """Notes one after the other."""
    times = start + seconds * np.arange(len(pitches))
    return make_notes(
        [(p, t, t + seconds) for p, t in zip(pitches, times, strict=True)]
    )
