"""Leaves bars of multitrack ids out, to be filled in at the end, and puts them back.

The model is given the music around the gaps first and then continues it by what goes
into them, so that one that only looks back can fill in.

Reference:
    [Ens and Pasquier, 2020](https://arxiv.org/abs/2008.06048), section 3: "BarFill".
"""

import numpy as np

from tfmusic.tokenizers.vocabulary import Vocabulary


def bar_places(ids: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Where each bar belongs; all of a track's bars together are the track.

    Args:
        ids: int `[T]`.
        vocabulary: the tokenizer's.

    Returns:
        int64 `[bars, 3]`: window, track in its window and bar in its track, from 0.
    """
    ids = np.asarray(ids)
    window = np.cumsum(_are(ids, vocabulary, "PIECE_START"))
    track = np.cumsum(_are(ids, vocabulary, "TRACK_START"))
    bars = np.flatnonzero(_are(ids, vocabulary, "BAR_START"))
    window, track = window[bars], track[bars]
    first_of_window = np.searchsorted(window, window)
    first_of_track = np.searchsorted(track, track)
    return np.column_stack(
        [
            window - window[:1],
            track - track[first_of_window],
            np.arange(len(bars)) - first_of_track,
        ]
    ).astype(np.int64)


def mask_bars(ids: np.ndarray, bars: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Puts FILL_IN in the place of bars, and what they held at their window's end.

    There each is between FILL_START and FILL_END, in the order of their places.

    Args:
        ids: int `[T]`, of an encoding in which nothing is left out yet.
        bars: int `[K]`, of all bars in their order; see `bar_places`.
        vocabulary: the tokenizer's.

    Returns:
        int32 `[T + 3K]`.

    Raises:
        ValueError: there is no such bar, a bar has no end, or something is left out
            already.
    """
    ids = np.asarray(ids, np.int32)
    if _are(ids, vocabulary, "FILL_IN", "FILL_START", "FILL_END").any():
        raise ValueError("some bars are left out already: fill them in first")
    begins = np.flatnonzero(_are(ids, vocabulary, "BAR_START")) + 1
    ends = np.flatnonzero(_are(ids, vocabulary, "BAR_END"))
    if len(begins) != len(ends) or (begins > ends).any():
        raise ValueError("a bar has no end: give the ids of an encoding")
    bars = np.unique(np.asarray(bars, np.int64))
    if len(bars) and not 0 <= bars[0] <= bars[-1] < len(begins):
        raise ValueError(f"there are bars 0 to {len(begins) - 1}, not all of {bars}")
    fill_in, fill_start, fill_end = (
        [vocabulary.encode(name, 0)] for name in ("FILL_IN", "FILL_START", "FILL_END")
    )
    bounds = np.append(np.flatnonzero(_are(ids, vocabulary, "PIECE_START")), len(ids))
    bounds[0] = 0
    parts = []
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
        contents = []
        inside = bars[(begins[bars] > start) & (begins[bars] < stop)]
        for begin, end in zip(begins[inside], ends[inside], strict=True):
            parts += [ids[start:begin], fill_in]
            contents += [fill_start, ids[begin:end], fill_end]
            start = end
        parts += [ids[start:stop], *contents]
    return np.concatenate([[], *parts]).astype(np.int32)


def fill_bars(ids: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Puts what is between FILL_START and FILL_END in the places of FILL_IN.

    It undoes `mask_bars`, and takes any ids: in each window the first content goes to
    the first place. Where one is missing the place stays, and a content without a
    place stays where it is; one without an end goes on to the next or to the window's
    end.

    Args:
        ids: int `[T]`.
        vocabulary: the tokenizer's.

    Returns:
        int `[.]`, of the type of `ids`.
    """
    ids = np.asarray(ids)
    windows = np.split(ids, np.flatnonzero(_are(ids, vocabulary, "PIECE_START")))
    return np.concatenate([_fill_window(window, vocabulary) for window in windows])


def _fill_window(ids: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    starts = np.flatnonzero(_are(ids, vocabulary, "FILL_START"))
    places = np.flatnonzero(_are(ids, vocabulary, "FILL_IN"))
    places = places[places < starts[0]] if len(starts) else places[:0]
    if not len(places):
        return ids
    ends = _are(ids, vocabulary, "FILL_END")
    parts, rest, begin = [], [], 0
    for index, start in enumerate(starts):
        stop = starts[index + 1] if index + 1 < len(starts) else len(ids)
        end = start + int(np.argmax(np.append(ends[start:stop], True)))
        if index < len(places):
            parts += [ids[begin : places[index]], ids[start + 1 : end]]
            begin = places[index] + 1
            rest.append(ids[end + 1 : stop])
        else:
            rest.append(ids[start:stop])
    return np.concatenate([*parts, ids[begin : starts[0]], *rest])


def _are(ids: np.ndarray, vocabulary: Vocabulary, *names: str) -> np.ndarray:
    """bool `[T]`: the ids of ranges."""
    spans = [vocabulary.span(name) for name in names]
    return np.any([(ids >= start) & (ids < stop) for start, stop in spans], axis=0)
