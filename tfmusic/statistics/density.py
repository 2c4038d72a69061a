"""Densities of samples, and how much two of them have in common."""

from __future__ import annotations

import numpy as np

NUM_POINTS = 4096
NARROWEST = 1 / 500  # of the samples' span: the least bandwidth
MARGIN = 5  # bandwidths around the samples
LEAST_DENSITY = 1e-10  # times the points' span: what a divergence takes for zero


def densities(*samples: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Gaussian kernel density estimates on points in common.

    The bandwidth of each is its samples' standard deviation times n^(-1/5) (Scott's
    rule), at least `NARROWEST`, so that equal samples have a density too. Samples are
    shared between the two points around them, which errs by less than a point's
    distance.

    Args:
        *samples: `[n]` each, 1 or more finite numbers.

    Returns:
        float64 `[NUM_POINTS]`, evenly spaced, and densities of that shape whose sums
        times the points' distance are 1.

    Reference:
        Scott, Multivariate Density Estimation, 1992, equation 6.42.
    """
    together = np.concatenate(samples)
    span = float(np.ptp(together)) or 1.0
    widths = [max(_scott(values), span * NARROWEST) for values in samples]
    margin = MARGIN * max(widths)
    points = np.linspace(
        together.min() - margin, together.max() + margin, NUM_POINTS, dtype=np.float64
    )
    step = points[1] - points[0]
    curves = []
    for values, width in zip(samples, widths, strict=True):
        place = (np.asarray(values, np.float64) - points[0]) / step
        left = np.floor(place).astype(np.int64)
        counts = np.bincount(left, left + 1 - place, NUM_POINTS)
        counts += np.bincount(left + 1, place - left, NUM_POINTS)
        reach = int(np.ceil(MARGIN * width / step))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / width) ** 2)
        # "full" and cut, since "same" is as long as the longer of the two
        curve = np.convolve(counts, kernel)[reach : reach + NUM_POINTS]
        curves.append(curve / (curve.sum() * step))
    return points, curves


def overlap_area(first: np.ndarray, second: np.ndarray) -> float:
    """The area under both densities of two samples: 1 if equal, 0 if far apart.

    Args:
        first, second: samples, `[n]` and `[m]`.

    Reference:
        [Yang and Lerch, 2020](https://doi.org/10.1007/s00521-018-3849-7), section 3.3.
    """
    points, (p, q) = densities(first, second)
    return float(np.minimum(p, q).sum() * (points[1] - points[0]))


def kl_divergence(first: np.ndarray, second: np.ndarray) -> float:
    """The Kullback-Leibler divergence of the second sample's density from the first's.

    Args:
        first, second: samples, `[n]` and `[m]`.

    Returns:
        Nats, 0 if equal; large but finite where the second has no density.

    Reference:
        [Yang and Lerch, 2020](https://doi.org/10.1007/s00521-018-3849-7), section 3.3.
    """
    points, (p, q) = densities(first, second)
    least = LEAST_DENSITY / (points[-1] - points[0])
    ratio = np.log(np.maximum(p, least) / np.maximum(q, least))
    return float((p * ratio).sum() * (points[1] - points[0]))


def _scott(values: np.ndarray) -> float:
    if len(values) < 2:
        return 0.0
    return float(np.std(values, ddof=1)) * len(values) ** -0.2
