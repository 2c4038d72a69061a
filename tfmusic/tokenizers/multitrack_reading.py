"""The notes of multitrack events, whatever they are."""

from dataclasses import dataclass

import numpy as np

from tfmusic.tokenizers.events import Events, ahead, last_place
from tfmusic.tokenizers.vocabulary import Vocabulary

STEPS_PER_SIXTEENTH = 3
DRUM_LENGTH = 3  # steps; what a drum's sound lasts is not told


@dataclass(frozen=True, eq=False)
class Tracks:
    """The notes of all tracks in the order of their starts. `N` notes.

    Attributes:
        pitch, program, instrument: int `[N]`, MIDI's numbers; tracks of one program
            are told apart in each window by their order.
        start, end: int64 `[N]`, in 12ths of a quarter.
        is_drum: bool `[N]`.
        place: int64 `[N]`, of the event that begins each note.
        bounds: int64 `[bars + 1]`, where bars begin in 16ths, and the last one's end.
        num_invalid: events that mean nothing where they stand.
    """

    pitch: np.ndarray
    program: np.ndarray
    instrument: np.ndarray
    start: np.ndarray
    end: np.ndarray
    is_drum: np.ndarray
    place: np.ndarray
    bounds: np.ndarray
    num_invalid: int


def read_tracks(ids: np.ndarray, vocabulary: Vocabulary) -> Tracks:
    """The notes of ids, and their bars: in each window those of its longest track.

    Valid are bars inside a track, and what is in a bar and before its end, of which a
    note of another kind than its track's is not, nor is the end of a note that isn't
    there, nor a note without length; an instrument at a track's beginning, and a
    density after it. A note ends with its track at the latest.

    Args:
        ids: int `[T]`, events alone.
        vocabulary: the tokenizer's.
    """
    events = Events(ids, vocabulary)
    values, are = events.values, events.are
    opens_track, opens_bar = are("TRACK_START"), are("BAR_START")
    track_begin = last_place(opens_track)
    in_track = track_begin > last_place(are("TRACK_END", "PIECE_START"))
    opens_bar &= in_track
    bar_begin = last_place(opens_bar)
    in_bar = in_track & (
        bar_begin > np.maximum(track_begin, last_place(are("BAR_END")))
    )
    names = are("INSTRUMENT", "DRUMS") & _behind(opens_track)

    window = np.cumsum(are("PIECE_START"))
    track = np.cumsum(opens_track) - 1  # [T]
    lengths = np.where(opens_bar, STEPS_PER_SIXTEENTH * values, 0)
    layout = _Layout(window, track, lengths, opens_track)
    named = ahead(names)[opens_track]
    tells = np.minimum(np.flatnonzero(opens_track) + 1, len(values) - 1)
    is_drum = named & are("DRUMS")[tells]  # [tracks]
    program = np.where(named & ~is_drum, values[tells], 0)

    passed = np.cumsum(np.where(are("TIME_DELTA") & in_bar, values, 0))
    time = passed - passed[bar_begin]
    begins = np.cumsum(lengths) - lengths
    step = begins[bar_begin] - begins[track_begin] + time
    in_time = in_bar & (time <= lengths[bar_begin])
    of_drums = np.append(is_drum, False)[track]
    on = np.where(of_drums, are("DRUM_ON"), are("NOTE_ON"))
    on &= in_time & (time < lengths[bar_begin])
    off = are("NOTE_OFF") & in_time & ~of_drums

    # Notes of one pitch and track: each lasts until the next event of that pitch.
    place = np.flatnonzero(on | off)
    place = place[np.lexsort((place, values[place], track[place]))]
    follows = (np.diff(values[place]) == 0) & (np.diff(track[place]) == 0)
    end = np.append(layout.track_length, 0)[track[place]]
    end[:-1] = np.where(follows, step[place][1:], end[:-1])
    end = np.where(of_drums[place], step[place] + DRUM_LENGTH, end)
    sounds = on[place] & (end > step[place])
    ends_one = off[place].copy()
    ends_one[1:] &= follows & sounds[:-1]
    ends_one[:1] = False
    num_valid = sum(
        np.sum(x)
        for x in (
            are("PIECE_START"),
            opens_track,
            are("TRACK_END") & _behind(in_track),
            names,
            are("DENSITY") & _behind(names),
            opens_bar,
            are("BAR_END") & _behind(in_bar),
            are("FILL_IN") & in_bar,
            are("TIME_DELTA") & in_time,
            sounds,
            ends_one,
        )
    )
    place, end = place[sounds], end[sounds]
    base = layout.window_begin[window[place]]
    order = np.lexsort((place, base + step[place]))
    place, end, base = place[order], end[order], base[order]
    return Tracks(
        pitch=values[place],
        program=program[track[place]],
        instrument=_instruments(layout.window_of, is_drum, program)[track[place]],
        start=base + step[place],
        end=base + end,
        is_drum=of_drums[place],
        place=place,
        bounds=layout.bounds // STEPS_PER_SIXTEENTH,
        num_invalid=int(len(values) - num_valid),
    )


class _Layout:
    """How long tracks and windows are, in steps.

    Attributes:
        track_length, window_of: int64 `[tracks]`.
        window_begin: int64 `[windows + 1]`, window 0 being before any PIECE_START.
        bounds: int64 `[bars + 1]`, the bars of each window's longest track.
    """

    def __init__(self, window, track, lengths, opens_track):
        num_tracks = int(opens_track.sum())
        bars = np.flatnonzero(lengths)
        self.window_of = window[opens_track]
        self.track_length = np.zeros(num_tracks, np.int64)
        np.add.at(self.track_length, track[bars], lengths[bars])
        longest = np.zeros(int(window[-1]) + 1 if len(window) else 1, np.int64)
        np.maximum.at(longest, self.window_of, self.track_length)
        self.window_begin = np.cumsum(longest) - longest
        order = np.lexsort((-self.track_length, self.window_of))  # it is stable
        first = np.diff(self.window_of[order], prepend=-1) != 0
        chosen = np.isin(track[bars], order[first])
        self.bounds = np.cumsum(np.append(0, lengths[bars[chosen]]))


def _instruments(window, is_drum, program) -> np.ndarray:
    """int64 `[tracks]`: a number for each program and place among its likes.

    They are numbered as they appear, so that no later window changes a number.
    """
    if not len(window):
        return np.zeros(0, np.int64)
    kind = 128 * is_drum + program
    order = np.lexsort((kind, window))
    keys = np.column_stack([window, kind])[order]
    is_first = np.append(True, (keys[1:] != keys[:-1]).any(axis=1))
    ordinal = np.zeros(len(window), np.int64)
    ordinal[order] = np.arange(len(order)) - last_place(is_first)
    both = np.column_stack([kind, ordinal])
    _, first, which = np.unique(both, axis=0, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which.reshape(-1)]


def _behind(where: np.ndarray) -> np.ndarray:
    """bool `[T]`: whether bool `[T]` is true one place before."""
    return np.append(False, where)[:-1]
