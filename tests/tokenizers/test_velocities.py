import numpy as np

from tfmusic.tokenizers.velocities import from_velocity_bins, to_velocity_bins


def test_four_velocities_are_one():
    assert to_velocity_bins(np.array([1, 4, 5, 64, 127])).tolist() == [1, 1, 2, 16, 32]
    assert to_velocity_bins(np.array([0, 200])).tolist() == [1, 32]


def test_a_bin_comes_back_within_midis_range():
    bins = np.arange(1, 33)
    velocities = from_velocity_bins(bins)
    assert 1 <= velocities.min() and velocities.max() <= 127
    np.testing.assert_array_equal(to_velocity_bins(velocities), bins)
