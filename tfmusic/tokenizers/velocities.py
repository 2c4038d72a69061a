"""32 steps of loudness."""

import numpy as np

NUM_VELOCITIES = 32
WIDTH = 4  # of MIDI's velocities


def to_velocity_bins(velocities: np.ndarray) -> np.ndarray:
    """int: MIDI's 1..127 as 1..32."""
    return (np.clip(velocities, 1, 127) - 1) // WIDTH + 1


def from_velocity_bins(bins: np.ndarray) -> np.ndarray:
    """int: 1..32 as the middle of the bin, 2..126."""
    return np.asarray(bins) * WIDTH - WIDTH // 2
