"""The notes and control changes of a NoteSequence as arrays, and back.

A NoteSequence is the form that music travels in; arrays are what is computed with.
Going from one to the other field by field would take longer than all the rest, so
arrays become a message by way of its wire format, in which numpy writes all notes at
once.

`N` notes, `C` control changes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

SUSTAIN_PEDAL = 64  # a controller's number


@dataclasses.dataclass(frozen=True, eq=False)
class NoteArrays:
    """The notes of a piece, in the order of its NoteSequence.

    Attributes:
        pitch, velocity: int32 `[N]`, MIDI's numbers.
        start, end: float64 `[N]`, seconds.
        program: int32 `[N]`, MIDI's number of the sound, 0 to 127.
        instrument: int32 `[N]`, which notes belong together.
        is_drum: bool `[N]`.
    """

    pitch: np.ndarray
    velocity: np.ndarray
    start: np.ndarray
    end: np.ndarray
    program: np.ndarray
    instrument: np.ndarray
    is_drum: np.ndarray

    def __len__(self) -> int:
        return len(self.pitch)

    def take(self, index: np.ndarray) -> NoteArrays:
        """The notes at int `[K]` places, or where bool `[N]` is true."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return NoteArrays(*(value[index] for value in values))


@dataclasses.dataclass(frozen=True, eq=False)
class ControlArrays:
    """The control changes of a piece, in the order of its NoteSequence.

    Attributes:
        time: float64 `[C]`, seconds.
        number: int32 `[C]`, the controller.
        value: int32 `[C]`, 0 to 127.
        program, instrument, is_drum: as of `NoteArrays`.
    """

    time: np.ndarray
    number: np.ndarray
    value: np.ndarray
    program: np.ndarray
    instrument: np.ndarray
    is_drum: np.ndarray

    def __len__(self) -> int:
        return len(self.time)


def note_arrays(sequence: NoteSequence) -> NoteArrays:
    """The notes of a sequence.

    One pass, in which no message outlives its turn: Python would look through all of
    them again and again for garbage.
    """
    fields = [field.name for field in dataclasses.fields(NoteArrays)]
    layout = [(field, _TYPES.get(field, np.int32)) for field in fields]
    names = ("pitch", "velocity", "start_time", "end_time", "program", "instrument")
    get = operator.attrgetter(*names, "is_drum")
    rows = np.fromiter(map(get, sequence.notes), layout)
    return NoteArrays(*(np.ascontiguousarray(rows[field]) for field in fields))


_TYPES = {"start": np.float64, "end": np.float64, "is_drum": bool}


def add_notes(sequence: NoteSequence, notes: NoteArrays) -> None:
    """Appends notes to a sequence; its total time becomes long enough for them."""
    _append(sequence, "notes", _columns(notes, start="start_time", end="end_time"))
    if len(notes):
        sequence.total_time = max(sequence.total_time, float(notes.end.max()))


def add_controls(sequence: NoteSequence, controls: ControlArrays) -> None:
    """Appends control changes to a sequence."""
    columns = _columns(controls, number="control_number", value="control_value")
    _append(sequence, "control_changes", columns)


def _columns(arrays: Any, **renamed: str) -> dict[str, np.ndarray]:
    """The arrays by the names of the message's fields."""
    return {
        renamed.get(field.name, field.name): getattr(arrays, field.name)
        for field in dataclasses.fields(arrays)
    }


def digest(sequence: NoteSequence) -> str:
    """64 hexadecimal digits that sequences of equal notes have in common.

    Neither names nor tempo count, nor the order of notes; times do to the millisecond.
    """
    notes = note_arrays(sequence)
    columns = [
        np.rint(1000 * notes.start),
        np.rint(1000 * notes.end),
        notes.pitch,
        notes.velocity,
        notes.program,
        notes.is_drum,
    ]
    rows = np.stack([column.astype(np.int64) for column in columns], axis=1)
    rows = rows[np.lexsort(rows.T[::-1])]
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()


# Bytes of a number that is not a double: 14 bits, seven in each, which suffices for
# MIDI's numbers and for 16,384 instruments.
_VARINT = 2


def _append(sequence: NoteSequence, name: str, columns: dict[str, np.ndarray]) -> None:
    """Appends submessages to a repeated field, given their fields as columns `[K]`.

    Each is a record of one size: tag and length of the submessage, then tag and value
    of every field, zeros too. Parsing drops what the format would leave out.

    Reference:
        Protocol Buffers, "Encoding".
    """
    repeated = sequence.DESCRIPTOR.fields_by_name[name]
    fields = repeated.message_type.fields_by_name
    length = len(next(iter(columns.values())))
    layout = [("tag", "u1", _size(repeated.number << 3)), ("length", "u1")]
    for field_name in columns:
        field = fields[field_name]
        kind = "<f8" if _is_double(field) else ("u1", _VARINT)
        layout.append((f"{field_name} tag", "u1", _size(field.number << 3)))
        layout.append((field_name, *([kind] if kind == "<f8" else kind)))
    records = np.zeros(length, layout)
    head = _size(repeated.number << 3) + 1
    records["tag"] = _varint(repeated.number << 3 | 2)
    records["length"] = records.itemsize - head
    for field_name, values in columns.items():
        field = fields[field_name]
        records[f"{field_name} tag"] = _varint(field.number << 3 | _is_double(field))
        if _is_double(field):
            records[field_name] = values
        else:
            values = values.astype(np.int64)
            records[field_name][:, 0] = (values & 0x7F) | 0x80
            records[field_name][:, 1] = (values >> 7) & 0x7F
    sequence.MergeFromString(records.tobytes())


def _is_double(field: Any) -> bool:
    return field.cpp_type == field.CPPTYPE_DOUBLE


def _size(value: int) -> int:
    """Bytes that a varint takes."""
    return max(1, -(-value.bit_length() // 7))


def _varint(value: int) -> list[int]:
    """A varint's bytes: seven bits each, the lowest first."""
    size = _size(value)
    return [
        (value >> 7 * index & 0x7F) | (0x80 if index < size - 1 else 0)
        for index in range(size)
    ]
