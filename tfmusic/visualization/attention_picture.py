"""Attention as arcs over a piano roll, from one token to those that it looks at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.files import atomic_path
from tfmusic.music.piano_roll import draw_notes
from tfmusic.visualization.attention import Attention
from tfmusic.visualization.token_notes import TokenNotes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEAD_COLORS = ("#1b7f4d", "#c2185b", "#1565c0", "#e65100", "#6a1b9a", "#00838f")
HEAD_COLORS += ("#827717", "#4e342e")
LINKS = 8  # of a head, the strongest
MIN_WEIGHT = 0.02
LANES = 4  # for tokens that are no notes, below the others


def draw_attention(
    attention: Attention,
    places: TokenNotes,
    path: str | os.PathLike,
    title: str,
    layers: Sequence[int],
    head: int | None,
    query: int,
) -> None:
    """Draws a piano roll for each layer, with arcs in the colors of the heads.

    Args:
        attention: of the places, with weights in `layers`.
        places: `T` tokens, BOS among them where the model reads it.
        path: the PNG to write.
        title: a line above the picture.
        layers: to draw, counted from 0.
        head: the only one to draw, counted from 0; None for all.
        query: the token that looks.

    Raises:
        UserError: the place can't be written to.
    """
    # Neither pyplot nor rcParams: whatever the caller draws stays as it is.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seconds = places.sequence.total_time
    size = min(24, max(9, 0.7 * seconds)), 0.6 + 3 * len(layers)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    all_axes = figure.subplots(len(layers), 1, squeeze=False, sharex=True)[:, 0]
    for layer, axes in zip(layers, all_axes, strict=True):
        draw_notes(axes, places.sequence)
        for notes in axes.collections:
            notes.set_alpha(0.4)
        spots = token_spots(places)
        axes.set_ylim(min(axes.get_ylim()[0], spots[:, 1].min() - 1))
        weights = attention.layers[layer]
        for number in range(len(weights)) if head is None else [head]:
            _draw_arcs(axes, weights[number, query], spots, query, number)
        axes.plot(*spots[query], "k*", markersize=12, zorder=6)
        axes.set_title(f"layer {layer + 1} ({attention.mixers[layer]})", fontsize=10)
        axes.set_xlim(min(0, -0.01 * seconds), max(seconds, 1e-3))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    all_axes[-1].set_xlabel("time (seconds)")
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=100)


def token_spots(places: TokenNotes) -> np.ndarray:
    """float64 `[T, 2]`: the second and the pitch at which each token is drawn.

    Those that tell of no note are below the others; of several at one time each has a
    lane of its own, as far as there are so many.
    """
    pitch = places.pitch.astype(np.float64)
    floor = min(pitch[pitch >= 0].min(initial=60.0), 60.0) - 4
    lane = 0
    for index in np.flatnonzero(pitch < 0):
        again = index and pitch[index - 1] <= floor
        again = again and places.start[index] == places.start[index - 1]
        lane = (lane + 1) % LANES if again else 0
        pitch[index] = floor - lane
    return np.column_stack([places.start, pitch])


def _draw_arcs(axes: Axes, weights, spots, query, head) -> None:
    """The strongest links of a head, each an arc above or, to later tokens, below."""
    from matplotlib.patches import FancyArrowPatch

    color = HEAD_COLORS[head % len(HEAD_COLORS)]
    for key in np.argsort(-weights)[:LINKS]:
        weight = float(weights[key])
        if weight < MIN_WEIGHT:
            break
        axes.plot(*spots[key], "o", color=color, markersize=2 + 6 * weight, zorder=5)
        if key != query:
            arc = FancyArrowPatch(
                spots[query],
                spots[key],
                connectionstyle=f"arc3,rad={0.2 + 0.05 * (head % 4)}",
                arrowstyle="-",
                color=color,
                linewidth=0.8 + 5 * weight,
                alpha=0.3 + 0.7 * weight,
                zorder=4,
            )
            axes.add_patch(arc)
    axes.plot([], [], color=color, linewidth=3, label=f"head {head + 1}")
