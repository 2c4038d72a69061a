"""Finds which note-on and which note-off belong together.

`E` note-ons and note-offs, `N` notes, `K` keys: a key is one pitch of one channel of
one track.
"""

from __future__ import annotations

import numpy as np


def pair_notes(
    key: np.ndarray, tick: np.ndarray, is_on: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The notes that events make, in the order in which they end.

    A note-off ends all notes of its key that began at earlier ticks. If there are
    such, those begun at its own tick go on, otherwise they are dropped: they would
    last no time. Notes that nothing ends are dropped too: their length isn't known.

    Args:
        key: int `[E]`, smaller than 65,536 if it is to be fast.
        tick: int64 `[E]`.
        is_on: bool `[E]`.

    Returns:
        The indices of each note's first and last event, `[N]` both.
    """
    order = np.argsort(key, kind="stable")
    key, on = key[order], is_on[order]
    same = key[1:] == key[:-1]
    begins = on[:-1] & same  # an event of the same key follows
    doubled = key[:-1][begins & on[1:]]
    alternates = begins & ~on[1:]
    if not len(doubled):
        found = np.flatnonzero(alternates)
        first, last = order[found], order[found + 1]
        first, last = _not_empty(first, last, tick)
        by_end = np.argsort(last, kind="stable")
        return first[by_end], last[by_end]
    overlaps = np.isin(key, doubled)
    found = np.flatnonzero(alternates & ~overlaps[:-1])
    first, last = _not_empty(order[found], order[found + 1], tick)
    more_first, more_last = _pair_overlapping(
        key[overlaps].tolist(), order[overlaps], tick, is_on
    )
    first = np.concatenate([first, more_first])
    last = np.concatenate([last, more_last])
    by_end = np.lexsort((first, last))
    return first[by_end], last[by_end]


def _not_empty(
    first: np.ndarray, last: np.ndarray, tick: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The notes that last at least one tick."""
    lasts = tick[first] != tick[last]
    return first[lasts], last[lasts]


def _pair_overlapping(
    keys: list[int], order: np.ndarray, tick: np.ndarray, is_on: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same, event by event, for keys of which several notes sound at once."""
    notes: list[tuple[int, int]] = []
    sounding: list[tuple[int, int]] = []  # index and tick
    key_before = -1
    events = zip(
        keys, order.tolist(), tick[order].tolist(), is_on[order].tolist(), strict=True
    )
    for key, index, now, on in events:
        if key != key_before:
            sounding, key_before = [], key
        if on:
            sounding.append((index, now))
            continue
        ended = [(first, index) for first, start in sounding if start != now]
        notes += ended
        sounding = [note for note in sounding if note[1] == now] if ended else []
    pairs = np.array(notes, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
