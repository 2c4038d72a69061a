import math

import numpy as np
import pytest

from tfmusic.statistics.density import densities, kl_divergence, overlap_area


def normal(mean, size=20_000, seed=0):
    return np.random.default_rng(seed).normal(mean, 1, size)


def test_a_density_is_the_sum_of_gaussians():
    samples = np.array([0.0, 1.0, 1.5, 4.0])
    width = samples.std(ddof=1) * 4**-0.2
    points, (curve,) = densities(samples)
    scaled = (points[:, None] - samples) / width
    expected = np.exp(-(scaled**2) / 2).mean(axis=1) / (width * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(curve, expected, atol=1e-4 * expected.max())
    assert curve.sum() * (points[1] - points[0]) == pytest.approx(1)


def test_equal_samples_overlap_wholly():
    samples = normal(0, 50)
    assert overlap_area(samples, samples[::-1]) == pytest.approx(1)
    assert kl_divergence(samples, samples[::-1]) == pytest.approx(0, abs=1e-12)
    assert overlap_area(normal(0), normal(0, seed=1)) > 0.97


def test_distant_samples_do_not_overlap():
    assert overlap_area(normal(0), normal(100)) < 1e-6
    assert 10 < kl_divergence(normal(0), normal(100)) < math.inf


def test_two_normal_distributions_a_deviation_apart():
    first, second = normal(0), normal(1, seed=1)
    # The area under both is twice the tail behind the middle, half a deviation away.
    assert overlap_area(first, second) == pytest.approx(
        math.erfc(0.5 / math.sqrt(2)), abs=0.02
    )
    assert kl_divergence(first, second) == pytest.approx(0.5, abs=0.05)


def test_a_divergence_has_a_direction():
    narrow, wide = normal(0), 3 * normal(0, seed=1)
    # log of the deviations' ratio + variances' ratio / 2 - 1/2
    assert kl_divergence(narrow, wide) == pytest.approx(
        math.log(3) + 1 / 18 - 0.5, abs=0.05
    )
    assert kl_divergence(wide, narrow) > 2


@pytest.mark.parametrize("size", [1, 2, 30])
def test_samples_without_spread_have_a_density(size):
    same, other = np.full(size, 3.0), np.full(size, 4.0)
    assert overlap_area(same, np.full(7, 3.0)) == pytest.approx(1)
    assert overlap_area(same, other) < 1e-6
    assert kl_divergence(same, same) == pytest.approx(0)
