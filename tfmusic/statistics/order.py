"""Notes in an order that does not depend on how a chord was spread."""

from __future__ import annotations

import numpy as np

from tfmusic.music.note_arrays import NoteArrays

TOGETHER = 0.03  # seconds: notes that begin within it after one another are a chord

# Lengths of time are told apart by two classes an octave, from 1/64 of a second and
# less to 8 seconds and more. A class has its power of the square root of two in its
# middle, so that the rounding of times does not move quarters and their like.
CLASS_SECONDS = 2.0 ** (np.arange(-12, 7) / 2)
CLASS_EDGES = CLASS_SECONDS[:-1] * 2**0.25


def in_order(notes: NoteArrays) -> tuple[NoteArrays, np.ndarray]:
    """The notes by chord, from low to high within one.

    Args:
        notes: `N` in any order.

    Returns:
        The notes, and int `[N]`: the number of each note's chord.
    """
    notes = notes.take(np.argsort(notes.start, kind="stable"))
    gaps = np.diff(notes.start, prepend=notes.start[:1])
    chord = np.cumsum(gaps > TOGETHER)
    order = np.lexsort((notes.start, notes.pitch, chord))
    return notes.take(order), chord[order]


def seconds_class(seconds: np.ndarray) -> np.ndarray:
    """int, same shape: the class of each length of time; see `CLASS_SECONDS`."""
    return np.searchsorted(CLASS_EDGES, seconds, side="right")
