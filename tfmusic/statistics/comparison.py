"""Compares two sets of pieces, feature by feature."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmusic.statistics.density import kl_divergence, overlap_area
from tfmusic.statistics.features import FEATURES, Feature


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """A feature of generated pieces beside that of real ones. `D` classes, or 1.

    Attributes:
        feature: which.
        generated, real: float64 `[pieces, D]`, of the pieces that have it.
        within_generated, within_real: distances of all pairs of one set.
        between: distances of each generated piece to each real one.
        halves: within one half of the real pieces, and between the halves; None for
            less than four pieces.
    """

    feature: Feature
    generated: np.ndarray
    real: np.ndarray
    within_generated: np.ndarray
    within_real: np.ndarray
    between: np.ndarray
    halves: tuple[np.ndarray, np.ndarray] | None

    def report(self) -> dict[str, Any]:
        """Numbers for JSON.

        `overlap_area` and `kl_divergence` (nats) are those of the distances within the
        real set and between the sets; those of `real_halves` say what the real set
        reaches against itself. A number has the mean and standard deviation over each
        set; a histogram has the means of its classes, and half the sum of their
        differences, 0 to 1.
        """
        report: dict[str, Any] = {"unit": self.feature.unit}
        if self.feature.is_histogram:
            means = self.generated.mean(axis=0), self.real.mean(axis=0)
            report["classes"] = list(self.feature.classes)
            report["generated"] = {"mean": means[0].tolist()}
            report["real"] = {"mean": means[1].tolist()}
            report["difference"] = float(np.abs(means[0] - means[1]).sum() / 2)
        else:
            for name, values in (("generated", self.generated), ("real", self.real)):
                report[name] = {
                    "mean": float(values.mean()),
                    "std": float(values.std()),
                }
        report["generated"]["pieces"] = len(self.generated)
        report["real"]["pieces"] = len(self.real)
        report |= _scores(self.within_real, self.between)
        report["real_halves"] = _scores(*self.halves) if self.halves else None
        report["distances"] = {
            name: _mean_and_std(values) if len(values) else None
            for name, values in (
                ("within_generated", self.within_generated),
                ("within_real", self.within_real),
                ("between", self.between),
            )
        }
        return report


def compare(
    generated: Sequence[dict[str, np.ndarray]], real: Sequence[dict[str, np.ndarray]]
) -> list[Comparison]:
    """Compares two sets of pieces by the distances of all pairs.

    A distance is Euclidean, between the features of two pieces. Each pair counts
    once. Where the generated set is as the real one, distances between the sets are
    as those within the real set.

    Args:
        generated, real: the features of each piece, see `features.note_features`. The
            halves of the real set are every other piece, so its order should be
            random.

    Returns:
        The features that two real pieces and a generated one have.

    Reference:
        [Yang and Lerch, 2020](https://doi.org/10.1007/s00521-018-3849-7), section 3.3.
    """
    comparisons = []
    for feature in FEATURES:
        a, b = _values(generated, feature.name), _values(real, feature.name)
        if len(a) < 1 or len(b) < 2:
            continue
        first, second = b[::2], b[1::2]
        comparisons.append(
            Comparison(
                feature=feature,
                generated=a,
                real=b,
                within_generated=distances_within(a),
                within_real=distances_within(b),
                between=distances_between(a, b),
                halves=(distances_within(first), distances_between(second, first))
                if len(b) >= 4
                else None,
            )
        )
    return comparisons


def distances_within(values: np.ndarray) -> np.ndarray:
    """float64 `[n (n - 1) / 2]`: Euclidean distances of all pairs of `[n, D]`."""
    first, second = np.triu_indices(len(values), 1)
    return _distances(values, values)[first, second]


def distances_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """float64 `[n m]`: Euclidean distances of each of `[n, D]` to each of `[m, D]`."""
    return _distances(a, b).ravel()


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a[:, None] - b[None], axis=-1)  # [n, m]


def _values(pieces: Sequence[dict[str, np.ndarray]], name: str) -> np.ndarray:
    """`[pieces, D]`, without those that don't have the feature."""
    values = np.array([piece[name] for piece in pieces])
    return values[np.isfinite(values).all(axis=-1)] if len(values) else values


def _mean_and_std(values: np.ndarray) -> dict[str, float]:
    return {"mean": float(values.mean()), "std": float(values.std())}


def _scores(within: np.ndarray, between: np.ndarray) -> dict[str, float]:
    return {
        "overlap_area": overlap_area(within, between),
        "kl_divergence": kl_divergence(within, between),
    }
