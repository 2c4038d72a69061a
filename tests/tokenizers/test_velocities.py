import numpy as np
import pytest

from tfmusic.tokenizers.velocities import from_velocity_bins, to_velocity_bins


def test_of_32_bins_each_holds_four_velocities():
    velocities = np.array([1, 4, 5, 64, 127])
    assert to_velocity_bins(velocities, 32).tolist() == [1, 1, 2, 16, 32]
    assert to_velocity_bins(np.array([0, 200]), 32).tolist() == [1, 32]
    assert from_velocity_bins(np.array([1, 2, 16, 32]), 32).tolist() == [2, 6, 62, 126]


def test_a_single_bin_is_neither_soft_nor_loud():
    assert to_velocity_bins(np.array([1, 127]), 1).tolist() == [1, 1]
    assert from_velocity_bins(np.array([1]), 1).tolist() == [64]


@pytest.mark.parametrize("num_bins", range(1, 128))
def test_bins_are_those_of_note_seq_and_come_back(num_bins):
    from note_seq import performance_lib

    velocities = np.arange(1, 128)
    bins = to_velocity_bins(velocities, num_bins)
    assert bins.tolist() == [
        performance_lib.velocity_to_bin(velocity, num_bins)
        for velocity in velocities.tolist()
    ]
    back = from_velocity_bins(bins, num_bins)
    np.testing.assert_array_equal(to_velocity_bins(back, num_bins), bins)
    width = -(-127 // num_bins)
    assert np.abs(back - velocities).max() <= width // 2


def test_bins_that_no_velocity_falls_into_are_the_loudest():
    assert from_velocity_bins(np.array([26, 27, 31]), 31).tolist() == [127] * 3
