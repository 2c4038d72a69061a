"""Draws the distributions that a comparison is made of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.files import atomic_path
from tfmusic.statistics.comparison import Comparison
from tfmusic.statistics.density import densities, overlap_area

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REAL_COLOR = "#30508f"
GENERATED_COLOR = "#d1495b"
BETWEEN_COLOR = "#edae49"
OVERVIEW = "overview.png"


def draw_pictures(comparisons: Sequence[Comparison], folder: str) -> list[str]:
    """Draws a picture of each feature, and one of all.

    A feature's picture has two halves: the feature in both sets (a number's densities,
    or a histogram's means with a standard deviation up and down), and the densities of
    the distances within and between the sets.

    Args:
        comparisons: of a generated and a real set.
        folder: where to; made if it is not there.

    Returns:
        The names of the files: FEATURE.png each, and overview.png.

    Raises:
        UserError: the place can't be written to.
    """
    # Neither pyplot nor rcParams: whatever the caller draws stays as it is.
    from matplotlib.figure import Figure

    names = []
    for comparison in comparisons:
        figure = Figure(figsize=(12, 4))
        figure.subplots_adjust(0.07, 0.14, 0.98, 0.91, wspace=0.16)
        left, right = figure.subplots(1, 2)
        _draw_feature(left, comparison)
        _draw_distances(right, comparison)
        names.append(f"{comparison.feature.name}.png")
        _print(figure, os.path.join(folder, names[-1]))
    rows = -(-len(comparisons) // 3)
    figure = Figure(figsize=(15, 3.2 * rows))
    figure.subplots_adjust(0.05, 0.2 / rows, 0.98, 1 - 0.1 / rows, 0.2, 0.5)
    all_axes = figure.subplots(rows, 3, squeeze=False).ravel()
    for axes, comparison in zip(all_axes, comparisons, strict=False):
        _draw_feature(axes, comparison)
        area = overlap_area(comparison.within_real, comparison.between)
        axes.set_title(f"{axes.get_title()} (overlap {area:.2f})")
    for axes in all_axes[len(comparisons) :]:
        axes.set_axis_off()
    _print(figure, os.path.join(folder, OVERVIEW))
    return [*names, OVERVIEW]


def _draw_feature(axes: Axes, comparison: Comparison) -> None:
    """The feature's values in both sets."""
    feature = comparison.feature
    if feature.is_histogram:
        _draw_histograms(axes, comparison)
    else:
        values = comparison.real[:, 0], comparison.generated[:, 0]
        points, curves = densities(*values)
        for index, (name, color) in enumerate(_SETS):
            _draw_density(axes, points, curves[index], color, name)
            axes.plot(values[index], np.zeros(len(values[index])), "|", color=color)
        axes.set_ylabel("density")
    axes.set_ylim(bottom=0)
    axes.set_title(feature.name.replace("_", " "))
    axes.set_xlabel(feature.unit)
    axes.legend(frameon=False)


_SETS = (("real", REAL_COLOR), ("generated", GENERATED_COLOR))


def _draw_histograms(axes: Axes, comparison: Comparison) -> None:
    """Two bars for each class."""
    classes = comparison.feature.classes
    place = np.arange(len(classes))
    values = comparison.real, comparison.generated
    for index, (name, color) in enumerate(_SETS):
        mean, spread = values[index].mean(axis=0), values[index].std(axis=0)
        axes.bar(
            place + 0.4 * index - 0.2,
            mean,
            0.4,
            yerr=[np.minimum(spread, mean), spread],
            color=color,
            ecolor="#b8b8b8",
            label=name,
        )
    step = 1 if len(classes) <= 13 else 4
    axes.set_xticks(place[::step], classes[::step])
    axes.set_ylabel("share")


def _draw_distances(axes: Axes, comparison: Comparison) -> None:
    """The densities of distances."""
    samples = {
        "within the real set": (comparison.within_real, REAL_COLOR),
        "between the sets": (comparison.between, BETWEEN_COLOR),
        "within the generated set": (comparison.within_generated, GENERATED_COLOR),
    }
    samples = {name: pair for name, pair in samples.items() if len(pair[0])}
    points, curves = densities(*(values for values, _ in samples.values()))
    for curve, (name, (_, color)) in zip(curves, samples.items(), strict=True):
        _draw_density(axes, points, curve, color, name)
    area = overlap_area(comparison.within_real, comparison.between)
    axes.set_title(f"overlap of real and between: {area:.2f}")
    axes.set_xlabel("distance of two pieces")
    axes.set_ylabel("density")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _draw_density(axes, points, curve, color, name) -> None:
    axes.plot(points, curve, color=color, label=name)
    axes.fill_between(points, curve, color=color, alpha=0.15, linewidth=0)
    axes.set_xlim(max(points[0], 0), points[-1])  # nothing that is measured is less


def _print(figure: Figure, path: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=100)
