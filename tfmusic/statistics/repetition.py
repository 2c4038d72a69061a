"""How much of a piece has been heard before in it, and how long ago."""

from __future__ import annotations

import numpy as np

from tfmusic.music.note_arrays import NoteArrays
from tfmusic.statistics.order import in_order

RUN = 8  # notes; a power of two

# Seconds since a run of notes was last heard; the first class is for what is new.
LAG_EDGES = np.array([1, 2, 4, 8, 16, 32, 64], np.float64)
NUM_LAGS = len(LAG_EDGES) + 2


def repeats(notes: NoteArrays) -> tuple[np.ndarray, np.ndarray]:
    """Which runs of eight notes have been heard before.

    Notes are read by chord, from low to high within one; a run is its pitches.
    The share of runs that are repeats is what is known as seq-rep-n of texts, n
    being 8.

    Args:
        notes: `N` of them.

    Returns:
        bool `[N - 7]`, whether the run at each note stands earlier as well; float64
        `[N - 7]`, the seconds since it began the last time, 0 where it is new.

    Reference:
        [Welleck et al., 2020](https://arxiv.org/abs/1908.04319), section 6.1.
    """
    notes, _ = in_order(notes)
    runs = notes.pitch + 128 * notes.is_drum.astype(np.int64)
    length = 1
    while length < RUN:  # names for runs of twice the length
        if len(runs) <= length:
            return np.zeros(0, bool), np.zeros(0)
        pairs = runs[:-length] * (runs.max() + 1) + runs[length:]
        runs = np.unique(pairs, return_inverse=True)[1]
        length *= 2
    order = np.argsort(runs, kind="stable")
    again = runs[order][1:] == runs[order][:-1]
    repeated, lag = np.zeros(len(runs), bool), np.zeros(len(runs))
    now, before = order[1:][again], order[:-1][again]
    repeated[now] = True
    lag[now] = np.maximum(notes.start[now] - notes.start[before], 0)
    return repeated, lag


def repetition_lags(notes: NoteArrays) -> np.ndarray:
    """The share of runs that are new, then of those by the seconds since the last time.

    Returns:
        float64 `[NUM_LAGS]` of sum 1, see `LAG_EDGES`; NaN for less than eight notes.
    """
    repeated, lag = repeats(notes)
    if not len(repeated):
        return np.full(NUM_LAGS, np.nan)
    index = np.where(repeated, 1 + np.searchsorted(LAG_EDGES, lag, side="right"), 0)
    return np.bincount(index, minlength=NUM_LAGS) / len(index)
