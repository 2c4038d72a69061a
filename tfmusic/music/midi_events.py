"""Reads the events of a MIDI track.

Nearly all bytes of a file are channel messages of two data bytes: notes, control
changes, bends. numpy finds, for every byte, how long such an event would be if it
began there; a walk from one to the next then marks where events do begin. All else is
looked at one by one. At the end, numpy decodes all that is marked.

`E` events of a track.
"""

from __future__ import annotations

import dataclasses

import numpy as np

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, BEND = 0x8, 0x9, 0xB, 0xC, 0xE
TRACK_NAME, END_OF_TRACK, TEMPO, METER, KEY = 0x03, 0x2F, 0x51, 0x58, 0x59

_KEPT = {TRACK_NAME, TEMPO, METER, KEY}
_META, _SYSEX, _SYSEX_REST = 0xFF, 0xF0, 0xF7
_MAX_NUMBER = 4  # bytes of a variable-length number
_PAD = 8  # more than the longest event of two data bytes

# Data bytes after a status byte: one-byte and two-byte channel messages, and those of
# the wire that have no place in a file but do no harm.
_DATA_BYTES = dict.fromkeys(range(0x80, 0xC0), 2) | dict.fromkeys(range(0xE0, 0xF0), 2)
_DATA_BYTES |= dict.fromkeys(range(0xC0, 0xE0), 1) | {0xF1: 1, 0xF2: 2, 0xF3: 1}
_DATA_BYTES |= dict.fromkeys((0xF6, 0xF8, 0xFA, 0xFB, 0xFC, 0xFE), 0)
_HAS_TWO = np.array([_DATA_BYTES.get(s) == 2 and s < 0xF0 for s in range(256)])


@dataclasses.dataclass(frozen=True, eq=False)
class TrackEvents:
    """The events of a track, those that are no channel messages too.

    Attributes:
        tick: int64 `[E]`, from the track's beginning.
        status: uint8 `[E]`, kind and channel; 0xF0 and above is no channel message.
        data1, data2: uint8 `[E]`, the data bytes, where the message has them.
        meta: row, type and content of the meta events that matter to music.
        damage: why the track was not read to its end, or an empty text.
    """

    tick: np.ndarray
    status: np.ndarray
    data1: np.ndarray
    data2: np.ndarray
    meta: list[tuple[int, int, bytes]]
    damage: str = ""


class _Damage(Exception):
    """What is wrong at some place of a track."""


def read_track(data: bytes) -> TrackEvents:
    """Reads a track's events up to its end or the first that makes no sense.

    After that one nothing is trustworthy: there is no telling where the next begins.

    Args:
        data: a track's bytes, after its name and length; may go on behind its end.
    """
    walk = _Walk(data)
    padded = np.frombuffer(data + bytes(_PAD), np.uint8)
    starts = np.flatnonzero(np.frombuffer(walk.marks, np.uint8))
    delta, length = _read_numbers(padded, starts)
    place = starts + length
    status = padded[place]
    is_explicit = status >= 0x80
    place += is_explicit
    # A message without a status has that of the last channel message before it.
    says = np.where(is_explicit & (status < 0xF0), np.arange(len(starts)), 0)
    status = np.where(is_explicit, status, status[np.maximum.accumulate(says)])
    rows = np.searchsorted(starts, [position for position, _, _ in walk.meta])
    meta = [(int(row), *rest) for row, (_, *rest) in zip(rows, walk.meta, strict=True)]
    tick = np.cumsum(delta)
    return TrackEvents(
        tick, status, padded[place], padded[place + 1], meta, walk.damage
    )


class _Walk:
    """Goes through a track and marks the bytes at which its events begin.

    Attributes:
        marks: 1 where an event begins, one byte for each of the track's.
        meta: position, type and content of meta events.
        damage: why it ended early, or an empty text.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.marks = bytearray(len(data))
        self.meta: list[tuple[int, int, bytes]] = []
        self.damage = ""
        try:
            self._run()
        except IndexError:
            self.damage = "a track ends within an event"
        except _Damage as damage:
            self.damage = str(damage)

    def _run(self) -> None:
        sizes = _two_byte_sizes(self.data)
        marks, end = self.marks, len(self.data)
        data_bytes = 0  # of the running status
        position = 0
        while position < end:
            if data_bytes == 2:
                while size := sizes[position]:
                    marks[position] = 1
                    position += size
                if position == end:
                    return
            _, place = self._number(position)
            status = self.data[place]
            if status < 0x80:
                if data_bytes != 1:
                    raise _Damage("an event has no status")
                after = place + 1
            elif status in (_META, _SYSEX, _SYSEX_REST):
                kind = self.data[place + 1] if status == _META else None
                length, place = self._number(place + 1 + (status == _META))
                after = place + length
                if after > end:
                    raise IndexError
                if kind == END_OF_TRACK:
                    return
                if kind in _KEPT:
                    self.meta.append((position, kind, self.data[place:after]))
            else:
                after = self._after_data(place)
                if status < 0xF0:
                    data_bytes = _DATA_BYTES[status]
            marks[position] = 1
            position = after

    def _number(self, place: int) -> tuple[int, int]:
        """A variable-length number, and the place after it."""
        value = 0
        for index in range(place, place + _MAX_NUMBER):
            byte = self.data[index]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, index + 1
        raise _Damage("a number is longer than four bytes")

    def _after_data(self, place: int) -> int:
        """The place after the data bytes of the status at `place`."""
        status = self.data[place]
        if status not in _DATA_BYTES:
            raise _Damage(f"status {status:#x} is unknown")
        after = place + 1 + _DATA_BYTES[status]
        if any(self.data[index] >= 0x80 for index in range(place + 1, after)):
            raise _Damage("an event lacks a data byte")
        return after


def _two_byte_sizes(data: bytes) -> bytes:
    """For each byte, the size of the two-byte channel message that begins there.

    It is a time, perhaps a status, and two data bytes; 0 where that isn't so, and one
    byte further, at the end. A missing status is taken to be one of two data bytes.
    """
    padded = np.full(len(data) + _PAD, 0xFF, np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    is_low = padded < 0x80
    two = is_low[:-1] & is_low[1:]
    message = two[:-1] * np.uint8(2)
    message += (_HAS_TWO[padded[:-2]] & two[1:]) * np.uint8(3)
    size = np.uint8(0)
    count = len(data) + 1
    for length in range(_MAX_NUMBER, 0, -1):
        after = message[length : length + count]
        ends = is_low[length - 1 : length - 1 + count]
        size = np.where(ends, after + length * (after > 0).astype(np.uint8), size)
    return size.astype(np.uint8).tobytes()


def _read_numbers(
    padded: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The variable-length numbers that begin at `[E]` places, and their lengths."""
    byte = padded[starts]
    values = (byte & 0x7F).astype(np.int64)
    lengths = np.ones(len(starts), np.int64)
    longer = np.flatnonzero(byte >= 0x80)
    while len(longer):
        byte = padded[starts[longer] + lengths[longer]]
        values[longer] = values[longer] << 7 | byte & 0x7F
        lengths[longer] += 1
        longer = longer[byte >= 0x80]
    return values, lengths
