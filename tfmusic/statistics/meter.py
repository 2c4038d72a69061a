"""How many bars there are in a stretch of music."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

DEFAULT_QPM = 120.0  # as MIDI has it until a tempo is given


def count_bars(sequence: NoteSequence, start: float, end: float) -> float | None:
    """The number of bars between two times, fractions included.

    A performance that was recorded without a click has tempo and time signature in
    its file as well, which nobody played by: its bars are lengths of time.

    Args:
        sequence: the music.
        start, end: seconds.

    Returns:
        Bars, or None where the sequence has no time signature.
    """
    signatures = sorted(sequence.time_signatures, key=lambda signature: signature.time)
    if not signatures:
        return None
    times = [signature.time for signature in signatures[1:]]
    edges = np.clip([start, *times, end], start, end)
    lengths = np.diff(_quarters(sequence, edges))
    per_bar = [4 * value.numerator / value.denominator for value in signatures]
    return float((lengths / per_bar).sum())


def _quarters(sequence: NoteSequence, seconds: np.ndarray) -> np.ndarray:
    """Quarters from the beginning to each of some times, in ascending order."""
    tempos = {0.0: DEFAULT_QPM}
    for tempo in sorted(sequence.tempos, key=lambda tempo: tempo.time):
        tempos[tempo.time] = tempo.qpm
    times = np.array([*tempos, np.inf])
    # [seconds, tempos]: how long each tempo has lasted by then
    lasted = np.clip(seconds[:, None] - times[:-1], 0, np.diff(times))
    return lasted @ (np.array(list(tempos.values())) / 60)
