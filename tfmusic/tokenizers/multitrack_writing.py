"""The multitrack events of notes whose windows, tracks and bars are known."""

from dataclasses import dataclass

import numpy as np

from tfmusic.music.note_arrays import NoteArrays
from tfmusic.tokenizers.events import NO_EVENT, lay_out, spread
from tfmusic.tokenizers.multitrack_reading import STEPS_PER_SIXTEENTH
from tfmusic.tokenizers.vocabulary import Vocabulary

STEPS = 12  # in a quarter
LONGEST_DELTA = 48  # a bar of 4/4

# Notes in four quarters, from which each density but 0 is reckoned: fixed, while the
# paper takes the deciles of each instrument in its own data. They lie between the
# deciles of POP909's tracks (1 to 16) and go on to the busiest of Groove's drums (27).
DENSITIES = (2, 3, 4, 6, 8, 11, 14, 18, 24)


@dataclass(frozen=True, eq=False)
class Places:
    """Where each note is: int64 `[N]` each, starts and ends in steps."""

    window: np.ndarray
    track: np.ndarray
    bar: np.ndarray
    last_bar: np.ndarray
    start: np.ndarray
    end: np.ndarray


def write_tracks(
    places: Places,
    notes: NoteArrays,
    tracks: np.ndarray,
    bounds: np.ndarray,
    window_bars: int,
    vocabulary: Vocabulary,
) -> np.ndarray:
    """The ids of notes in their windows, tracks and bars.

    Rows are sorted by window, track, bar, and what comes when in a bar; windows
    and tracks begin before their bar 0 and end after their last.

    Args:
        places: of the notes, one at least.
        notes: `N`, their velocities left aside.
        tracks: int `[tracks, 3]`: whether it is one of drums, program, instrument.
        bounds: int64 `[bars + 1]`, where bars begin and the last ends, in steps.
        window_bars: bars of a window.
        vocabulary: the tokenizer's.

    Returns:
        int32 `[T]`.
    """
    encode = vocabulary.encode
    num_bars = len(bounds) - 1
    in_track = np.column_stack([places.window, places.track])
    in_track, count = np.unique(in_track, axis=0, return_counts=True)
    window, track = in_track.T
    first = window * window_bars
    stop = np.minimum(first + window_bars, num_bars)
    quarters = (bounds[stop] - bounds[first]) / STEPS
    density = np.digitize(4 * count / quarters, DENSITIES)
    is_drum, program, _ = tracks[track].T
    instrument = encode("INSTRUMENT", program)
    instrument = np.where(is_drum, encode("DRUMS", 0), instrument)
    head = [np.full(len(track), encode("TRACK_START", 0)), instrument]
    head = np.column_stack([*head, encode("DENSITY", density)])

    length = stop - first
    owner, within = spread(length)
    bar = first[owner] + within
    sixteenths = np.diff(bounds)[bar] // STEPS_PER_SIXTEENTH
    begin, end = encode("BAR_START", sixteenths), encode("BAR_END", 0)

    windows = np.unique(window)
    blank = np.iinfo(np.int64).max
    tables = [
        (windows, -1, 0, 0, [encode("PIECE_START", 0)]),
        (window, track, -1, 0, head),
        (window[owner], track[owner], bar, -1, begin[:, np.newaxis]),
        _note_rows(places, notes, bounds, vocabulary),
        (window[owner], track[owner], bar, blank, [end]),
        (window, track, blank, 0, [encode("TRACK_END", 0)]),
    ]
    keys, rows = [], []
    for *key, ids in tables:
        size = len(key[0])
        keys.append([np.broadcast_to(values, size) for values in key])
        ids = np.broadcast_to(ids, [size, np.shape(ids)[-1]])
        missing = ((0, 0), (0, 3 - ids.shape[1]))
        rows.append(np.pad(ids, missing, constant_values=NO_EVENT))
    return lay_out(np.concatenate(rows), *np.concatenate(keys, axis=1))


def _note_rows(places, notes, bounds, vocabulary):
    """Window, track, bar, rank in the bar, and rows of what notes do.

    Notes end before others begin at one time, and go by pitch. A note that ends
    with a bar ends in it.
    """
    encode = vocabulary.encode
    on = encode("NOTE_ON", notes.pitch)
    on = np.where(notes.is_drum, encode("DRUM_ON", notes.pitch), on)
    off = encode("NOTE_OFF", notes.pitch)
    pitched = np.flatnonzero(~notes.is_drum)
    note = np.concatenate([np.arange(len(on)), pitched])
    is_off = np.arange(len(note)) >= len(on)
    bar = np.where(is_off, places.last_bar[note], places.bar[note])
    step = np.where(is_off, places.end[note], places.start[note])
    event = np.where(is_off, off[note], on[note])
    window, track = places.window[note], places.track[note]

    order = np.lexsort((notes.pitch[note], ~is_off, step, bar, track, window))
    window, track, bar, step, event = (
        values[order] for values in (window, track, bar, step, event)
    )
    follows = (np.diff(bar) == 0) & (np.diff(track) == 0) & (np.diff(window) == 0)
    before = bounds[bar]
    before[1:] = np.where(follows, step[:-1], before[1:])
    passed = step - before  # of which a bar has less than twice the longest delta
    long = passed > LONGEST_DELTA
    rest = passed - LONGEST_DELTA * long
    rest_ids = encode("TIME_DELTA", np.maximum(rest, 1))
    rows = np.column_stack(
        [
            np.where(long, encode("TIME_DELTA", LONGEST_DELTA), NO_EVENT),
            np.where(rest > 0, rest_ids, NO_EVENT),
            event,
        ]
    )
    return window, track, bar, np.arange(len(order)), rows
