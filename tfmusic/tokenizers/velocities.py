"""MIDI's 127 velocities in bins of equal width."""

import numpy as np

NUM_VELOCITIES = 127  # MIDI's 1 to 127


def to_velocity_bins(velocities: np.ndarray, num_bins: int) -> np.ndarray:
    """int: velocities as bins from 1, the softest, to at most `num_bins`.

    A bin holds as many velocities as are enough for all, rounded up: so the last of
    many bins may stay empty. These are the bins of `note_seq`.
    """
    return (np.clip(velocities, 1, NUM_VELOCITIES) - 1) // _width(num_bins) + 1


def from_velocity_bins(bins: np.ndarray, num_bins: int) -> np.ndarray:
    """int: the middle of each bin, the lower of two, in 1 to 127.

    `note_seq` takes the lowest, which makes all music softer than it was.
    """
    width = _width(num_bins)
    middle = 1 + (np.asarray(bins) - 1) * width + (width - 1) // 2
    return np.minimum(middle, NUM_VELOCITIES)


def _width(num_bins: int) -> int:
    return -(-NUM_VELOCITIES // num_bins)
