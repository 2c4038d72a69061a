"""Which melodies share music: the same tune in another key, rhythm or version."""

from collections.abc import Mapping

import numpy as np

from tfmusic.datasets.sharing import group_by_shared

NOTES = 16  # about two lines of a song


def passages(pitch: np.ndarray) -> set[bytes]:
    """Every passage of 16 successive notes of a melody, in whatever key and rhythm.

    Two passages are equal if one is the other, transposed. A melody shorter than that
    is one passage.

    Args:
        pitch: int `[N]`, the notes in order.
    """
    intervals = np.diff(pitch).astype(np.int8)
    length = NOTES - 1
    return {
        intervals[start : start + length].tobytes()
        for start in range(max(1, len(intervals) - length + 1))
    }


def find_groups(melodies: Mapping[str, np.ndarray]) -> list[list[str]]:
    """Groups of melodies that have a passage in common; see `group_by_shared`.

    Args:
        melodies: the pitches of each, int `[N]`, by its name.

    Returns:
        Every melody's name in exactly one group, in the order of `melodies`.
    """
    return group_by_shared((name, passages(pitch)) for name, pitch in melodies.items())
