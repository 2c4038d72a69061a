"""Which pieces share music: duplicates, transposed copies, edited versions.

A grid is int `[steps, voices]`: the pitch that each voice sounds at each 16th, -1 for
a rest.
"""

from collections.abc import Mapping

import numpy as np

from tfmusic.datasets.sharing import group_by_shared
from tfmusic.tokenizers.grid import STEPS_PER_QUARTER

BEATS = 8  # two bars of 4/4


def without_final_rests(grid: np.ndarray) -> np.ndarray:
    """A grid up to the last step at which anything sounds."""
    sounding = np.flatnonzero((grid >= 0).any(axis=1))
    return grid[: sounding[-1] + 1] if len(sounding) else grid[:0]


def find_duplicates(grids: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Pieces whose grids are equal but for rests at the end.

    Args:
        grids: each piece's grid, by its name.

    Returns:
        For each piece that repeats an earlier one, the earlier one's name.
    """
    first: dict[bytes, str] = {}
    duplicates = {}
    for name, grid in grids.items():
        kept = first.setdefault(without_final_rests(grid).tobytes(), name)
        if kept != name:
            duplicates[name] = kept
    return duplicates


def passages(grid: np.ndarray) -> set[bytes]:
    """Every passage of eight beats of a grid, in whatever key it stands.

    A passage is what all voices sound at eight moments a quarter apart, beginning at
    any step: what moves between the beats doesn't count. Two passages are equal if
    one is the other, transposed. A piece shorter than that is one passage; silence is
    none.
    """
    grid = without_final_rests(grid)
    beats = STEPS_PER_QUARTER * np.arange(BEATS)
    found = set()
    for start in range(max(1, len(grid) - beats[-1])):
        steps = start + beats
        passage = grid[steps[steps < len(grid)]]  # [beats, voices]
        pitches = passage[passage >= 0]
        if len(pitches):
            relative = np.where(passage >= 0, passage - pitches.min(), -1)
            found.add(relative.astype(np.int16).tobytes())
    return found


def find_groups(grids: Mapping[str, np.ndarray]) -> list[list[str]]:
    """Groups of pieces that have a passage in common; see `group_by_shared`.

    Args:
        grids: each piece's grid, by its name.

    Returns:
        Every piece's name in exactly one group, in the order of `grids`.
    """
    return group_by_shared((name, passages(grid)) for name, grid in grids.items())
