"""The sustain pedal: notes as long as they sound, and when the pedal moves.

`N` notes, `C` changes of the pedal's controller, `P` movements of the pedal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.music.note_arrays import (
    SUSTAIN_PEDAL,
    ControlArrays,
    NoteArrays,
    add_controls,
)

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

PEDAL_DOWN = 64  # the lowest value of the controller that is "down"


@dataclass(frozen=True, eq=False)
class Pedal:
    """What the pedal's controller says, in the order of the NoteSequence.

    Attributes:
        time: float64 `[C]`, seconds.
        is_down: bool `[C]`.
        instrument: int32 `[C]`, whose notes it acts on.
    """

    time: np.ndarray
    is_down: np.ndarray
    instrument: np.ndarray

    def __len__(self) -> int:
        return len(self.time)


def read_pedal(sequence: NoteSequence) -> Pedal:
    """The changes of the sustain pedal, the most frequent of all control changes.

    They are read in one pass, in which a change's object dies before the next is made:
    to keep all of them in a list takes three times as long.
    """
    times, values, instruments = [], [], []
    for change in sequence.control_changes:
        if change.control_number == SUSTAIN_PEDAL:
            times.append(change.time)
            values.append(change.control_value)
            instruments.append(change.instrument)
    return Pedal(
        time=np.array(times, np.float64),
        is_down=np.array(values, np.int32) >= PEDAL_DOWN,
        instrument=np.array(instruments, np.int32),
    )


def add_pedal(sequence: NoteSequence, times: np.ndarray, is_down: np.ndarray) -> None:
    """Appends movements of the pedal of instrument 0, all the way down or up.

    Args:
        sequence: the music.
        times: float64 `[P]`, seconds.
        is_down: bool `[P]`.
    """
    zeros = np.zeros(len(times), np.int32)
    controls = ControlArrays(
        time=times,
        number=zeros + SUSTAIN_PEDAL,
        value=np.where(is_down, 127, 0).astype(np.int32),
        program=zeros,
        instrument=zeros,
        is_drum=zeros > 0,
    )
    add_controls(sequence, controls)


def apply_sustain(notes: NoteArrays, pedal: Pedal) -> NoteArrays:
    """Notes that last until the pedal lifts or their key is struck again.

    The rules are those of `note_seq.apply_sustain_control_changes`, where events of
    one time take place in the order pedal down, pedal up, notes begin, notes end. A
    pedal acts on the notes of its own instrument, drums excepted.

    - A note whose key is released while the pedal is down ends when the pedal next
      lifts, or, where it never does, with the last event of the piece.
    - A note that begins while the pedal is down ends all notes of its pitch, held
      ones too. One that began at the same time is left out.

    Args:
        notes: `N` notes, as long as their keys are held.
        pedal: changes of the sustain pedal, in any order.

    Returns:
        At most `N` notes, in the order of `notes`.
    """
    tuned = np.flatnonzero(~notes.is_drum)
    if not len(tuned) or not len(pedal):
        return notes
    start, end = notes.start[tuned], notes.end[tuned]
    last = max(start.max(), end.max(), pedal.time.max())
    begins_sustained = np.zeros(len(tuned), bool)
    release = np.array(end)
    instruments = notes.instrument[tuned]
    for instrument in np.unique(pedal.instrument):
        times, is_down = _movements(pedal, instrument)
        mine = np.flatnonzero(instruments == instrument)
        begins_sustained[mine] = _is_down_at(start[mine], times, is_down)
        sustained = mine[_is_down_at(end[mine], times, is_down)]
        ups = np.append(times[~is_down], last)
        release[sustained] = ups[np.searchsorted(ups[:-1], end[sustained], "right")]

    struck = _next_strike(
        start, instruments * 128 + notes.pitch[tuned], begins_sustained
    )
    end = np.array(notes.end)
    end[tuned] = np.minimum(release, struck)
    keep = np.ones(len(notes), bool)
    keep[tuned] = struck > start
    return replace(notes, end=end).take(keep)


def pedal_movements(pedal: Pedal) -> tuple[np.ndarray, np.ndarray]:
    """When the pedal goes down and up; down is where any instrument's is.

    Args:
        pedal: changes of the sustain pedal, in any order.

    Returns:
        float64 `[P]` ascending times in seconds, and bool `[P]`, true for down: down
        and up by turns, down at first.
    """
    times, moves = [], []
    for instrument in np.unique(pedal.instrument):
        time, is_down = _movements(pedal, instrument)
        is_last = np.append(time[1:] != time[:-1], True)  # of those at one time
        time, is_down = time[is_last], is_down[is_last]
        times.append(time)
        moves.append(np.diff(is_down.astype(np.int64), prepend=0))
    if not times:
        return np.zeros(0), np.zeros(0, bool)
    time, first = np.unique(np.concatenate(times), return_inverse=True)
    change = np.bincount(first, np.concatenate(moves), len(time))
    is_down = np.cumsum(change) > 0.5
    moved = np.diff(is_down, prepend=False)
    return time[moved], is_down[moved]


def _movements(pedal: Pedal, instrument: int) -> tuple[np.ndarray, np.ndarray]:
    """The pedal's times in order and whether it is down; down goes before up."""
    mine = pedal.instrument == instrument
    times, is_down = pedal.time[mine], pedal.is_down[mine]
    order = np.lexsort((~is_down, times))
    return times[order], is_down[order]


def _is_down_at(
    seconds: np.ndarray, times: np.ndarray, is_down: np.ndarray
) -> np.ndarray:
    """Whether the pedal is down at each time, after what it does at that time."""
    return np.append(is_down, False)[np.searchsorted(times, seconds, "right") - 1]


def _next_strike(start: np.ndarray, key: np.ndarray, damps: np.ndarray) -> np.ndarray:
    """When the next note of the same key begins that damps those before it.

    Args:
        start: `[N]`, seconds.
        key: int `[N]`, the same number for the same key.
        damps: bool `[N]`, whether the beginning of this note ends others.

    Returns:
        float64 `[N]`, infinity where there is none.
    """
    order = np.lexsort((start, key))  # stable: at one time, as they came
    start, key, damps = start[order], key[order], damps[order]
    count = len(start)
    place = np.where(damps, np.arange(count), count)
    # The first damping note at or after each place; the one after is wanted.
    place = np.minimum.accumulate(place[::-1])[::-1]
    place = np.append(place[1:], count)
    same = np.append(key, -1)[place] == key
    result = np.empty(count)
    result[order] = np.where(same, np.append(start, np.inf)[place], np.inf)
    return result
