"""Which pieces share music: duplicates, transposed copies, edited versions."""

from collections.abc import Mapping

import numpy as np

WINDOW_STEPS = 32  # two bars of 4/4


def without_final_rests(grid: np.ndarray) -> np.ndarray:
    """A `[steps, voices]` grid up to the last step at which anything sounds."""
    sounding = np.flatnonzero((grid >= 0).any(axis=1))
    return grid[: sounding[-1] + 1] if len(sounding) else grid[:0]


def find_duplicates(grids: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Pieces whose grids are equal but for rests at the end.

    Args:
        grids: for each piece by name, int `[steps, voices]`, -1 for rests.

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


def windows(grid: np.ndarray, num_steps: int = WINDOW_STEPS) -> set[bytes]:
    """Every stretch of `num_steps` steps of a grid, whatever its key.

    Two stretches are the same if one is the other, transposed. Silence is left out,
    and a piece shorter than that is one stretch.
    """
    grid = without_final_rests(grid)
    found = set()
    for start in range(max(1, len(grid) - num_steps + 1)):
        window = grid[start : start + num_steps]
        pitches = window[window >= 0]
        if len(pitches):
            relative = np.where(window >= 0, window - pitches.min(), -1)
            found.add(relative.astype(np.int16).tobytes())
    return found


def find_groups(
    grids: Mapping[str, np.ndarray], num_steps: int = WINDOW_STEPS
) -> list[list[str]]:
    """Groups of pieces that share `num_steps` consecutive steps in all voices.

    Sharing is counted at any transposition and any place in the piece, and carries
    over: if a shares with b and b with c, all three are one group.

    Args:
        grids: for each piece by name, int `[steps, voices]`, -1 for rests.
        num_steps: length of the stretch that makes two pieces kin.

    Returns:
        Every piece's name in exactly one group, in the order of `grids`.
    """
    leader = {name: name for name in grids}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    owner: dict[bytes, str] = {}
    for name, grid in grids.items():
        for window in windows(grid, num_steps):
            other = find(owner.setdefault(window, name))
            leader[find(name)] = other
    groups: dict[str, list[str]] = {}
    for name in grids:
        groups.setdefault(find(name), []).append(name)
    return list(groups.values())
