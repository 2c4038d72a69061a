"""A page of HTML in which one looks around in a model's attention."""

from __future__ import annotations

import base64
import html
import json
import os
import string

import numpy as np

from tfmusic.files import write_text
from tfmusic.music.piano_roll import COLORS, voices_of
from tfmusic.visualization.attention import Attention
from tfmusic.visualization.attention_html import PAGE
from tfmusic.visualization.attention_picture import HEAD_COLORS
from tfmusic.visualization.token_notes import TokenNotes

MAX_LINK_BYTES = 2_000_000  # before base64, which adds a third
MIN_WEIGHT = 0.004  # a byte's step; no token has more than 250 such links
SHOWN = 0.03  # the page's threshold when it is opened


def write_page(
    attention: Attention,
    places: TokenNotes,
    path: str | os.PathLike,
    title: str,
    layer: int,
    head: int | None,
    query: int,
) -> None:
    """Writes a page that needs nothing else: it works from a disk, without a network.

    Weak links are left out so that it stays below 3 MB; it says which.

    Args:
        attention: of the places, with weights in `layer`.
        places: `T` tokens, BOS among them where the model reads it.
        path: the .html to write.
        title: of the page.
        layer: shown at first, counted from 0.
        head: the only one shown at first; None for all.
        query: the token that is chosen at first.

    Raises:
        UserError: the place can't be written to.
    """
    least = smallest_weight(attention)
    data = {
        "milliseconds": _milliseconds(places.sequence.total_time),
        "notes": _notes(places),
        "tokens": [
            [name, int(note), _milliseconds(start), _milliseconds(end)]
            for name, note, start, end in zip(
                places.names, places.note, places.start, places.end, strict=True
            )
        ],
        "layers": [
            {
                "name": f"layer {index + 1} ({attention.mixers[index]})",
                "heads": 0 if weights is None else len(weights),
                "links": None if weights is None else encode_links(weights, least),
            }
            for index, weights in enumerate(attention.layers)
        ],
        "layer": layer,
        "head": head,
        "token": query,
        "colors": COLORS,
        "head_colors": HEAD_COLORS,
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    page = string.Template(PAGE).substitute(
        title=html.escape(title),
        about=html.escape(_about(attention, least)),
        least=f"{100 * least:.3g}",
        shown=f"{100 * max(SHOWN, least):.3g}",
        data=text,
    )
    write_text(path, page)


def smallest_weight(attention: Attention) -> float:
    """The least weight that a page holds: the links from it on fit into the page."""
    kept = [x[x >= MIN_WEIGHT] for x in attention.layers if x is not None]
    kept = np.concatenate(kept)
    rows = sum(x.shape[0] * x.shape[1] for x in attention.layers if x is not None)
    most = (MAX_LINK_BYTES - rows) // 3
    if len(kept) <= most:
        return MIN_WEIGHT
    least = np.partition(kept, len(kept) - most)[len(kept) - most]
    return float(np.ceil(1000 * least) / 1000)


def encode_links(weights: np.ndarray, least: float) -> str:
    """The links of a layer as base64 text.

    For each head and each query a byte that counts its keys; then of each key its
    place in two bytes, the lower first, and its weight in 255ths.

    Args:
        weights: float32 `[N, T, T]`.
        least: the least weight to keep, `MIN_WEIGHT` or more.
    """
    heads, queries, keys = np.nonzero(weights >= least)
    values = np.rint(255 * weights[heads, queries, keys]).astype(np.uint8)
    links = np.column_stack([keys % 256, keys // 256, values]).astype(np.uint8)
    count = np.bincount(
        heads * weights.shape[1] + queries, minlength=weights[..., 0].size
    )
    ends = np.cumsum(1 + 3 * count)
    stream = np.empty(ends[-1], np.uint8)
    is_count = np.zeros(len(stream), bool)
    is_count[ends - 1 - 3 * count] = True
    stream[is_count] = count
    stream[~is_count] = links.reshape(-1)
    return base64.b64encode(stream.tobytes()).decode()


def _about(attention, least):
    """What the page says of itself."""
    text = (
        "An arc goes from a token to a token that it looks at, its width is the weight "
        "of attention, its color the head. Notes have the colors of their voices; "
        "tokens that are no notes (rests, time, loudness, bars) stand below them. "
        f"Links weaker than {100 * least:.3g}% are not in this page."
    )
    if attention.without_weights:
        text += f" No attention to tokens: {attention.without_weights}."
    return text


def _notes(places):
    """Start, end, pitch and number of the voice of each note."""
    voice_of = {
        id_: number
        for number, notes in enumerate(voices_of(places.sequence).values())
        for id_ in map(_key, notes)
    }
    return [
        [
            _milliseconds(note.start_time),
            _milliseconds(note.end_time),
            note.pitch,
            voice_of[_key(note)],
        ]
        for note in places.sequence.notes
    ]


def _key(note):
    return note.part, note.instrument


def _milliseconds(seconds):
    return round(1000 * float(seconds))
