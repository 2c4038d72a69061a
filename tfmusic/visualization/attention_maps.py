"""All heads of all layers at once: a small map each, queries down, keys across."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfmusic.visualization.attention import Attention

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 160  # places that a map shows
INCHES, LEFT, TOP = 1.4, 0.7, 0.3  # a map's side, and the margins with their names


def attention_maps(attention: Attention) -> Figure:
    """A row for each layer that has weights, a column for each head.

    Brightness is the square root of the weight, so that weak ones show too.

    Args:
        attention: with weights in one layer at least.
    """
    from matplotlib.figure import Figure

    rows = attention.with_weights
    heads = max(len(attention.layers[row]) for row in rows)
    side = min(attention.num_places, LARGEST)
    gap = max(side // 24, 1)
    # One picture of all maps: an axes for each would take ten times as long.
    shape = (len(rows) * (side + gap) - gap, heads * (side + gap) - gap)
    tiled = np.full(shape, np.nan, np.float32)
    for place, row in enumerate(rows):
        for head, weights in enumerate(attention.layers[row]):
            top, left = place * (side + gap), head * (side + gap)
            tiled[top : top + side, left : left + side] = weights[:side, :side]
    width, height = LEFT + heads * INCHES, TOP + len(rows) * INCHES
    figure = Figure(figsize=(width, height), dpi=100)
    axes = figure.add_axes((LEFT / width, 0, 1 - LEFT / width, 1 - TOP / height))
    axes.imshow(np.sqrt(tiled), cmap="magma", vmin=0, vmax=1, aspect="auto")
    axes.xaxis.tick_top()
    centers = np.arange(max(heads, len(rows))) * (side + gap) + side / 2
    axes.set_xticks(centers[:heads], [f"head {head + 1}" for head in range(heads)])
    axes.set_yticks(centers[: len(rows)], [f"layer {row + 1}" for row in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
