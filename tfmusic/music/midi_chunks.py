"""Finds the tracks in a MIDI file's bytes, also where its lengths are wrong."""

from __future__ import annotations

import dataclasses
import re

from tfmusic.errors import UserError

MAX_BYTES = 2**26  # more than any music needs
MAX_TRACKS = 2048
DEFAULT_DIVISION = 480  # ticks a quarter, where the file's is none

_HEADER_BYTES = 14
_CHUNK_NAME = re.compile(rb"[A-Za-z]{3}[A-Za-z ]")
_FRAMES_PER_SECOND = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}


@dataclasses.dataclass(frozen=True)
class Division:
    """What a tick is: a part of a quarter, or a time of its own (SMPTE).

    Attributes:
        ticks_per_quarter: with SMPTE, at 120 quarters a minute.
        seconds_per_tick: None where it follows the tempo.
    """

    ticks_per_quarter: int
    seconds_per_tick: float | None = None


@dataclasses.dataclass(frozen=True)
class Chunks:
    """Where the tracks of a file are.

    Attributes:
        division: of all tracks.
        data: the file, without what stands before its header.
        tracks: first byte and end of each track's events.
        damage: what is wrong with the file as a whole, or an empty text.
    """

    division: Division
    data: bytes
    tracks: list[tuple[int, int]]
    damage: str = ""


def find_chunks(data: bytes, name: str) -> Chunks:
    """Finds the header and the tracks.

    The header may stand behind something else, as in a RIFF or a MacBinary file. A
    track's length is believed where the file ends there or another chunk begins;
    otherwise the track goes on to the next track's name or the file's end. Chunks of
    other kinds are passed over.

    Args:
        data: the file.
        name: of the file, for errors.

    Raises:
        UserError: there is no header or no track, or there is too much.

    Reference:
        The MIDI Manufacturers Association's Standard MIDI Files 1.0; RP-29 for RIFF.
    """
    if len(data) > MAX_BYTES:
        raise UserError(f"cannot read {name}: it is longer than {MAX_BYTES} bytes")
    data = _from_header(data)
    if len(data) < _HEADER_BYTES:
        raise UserError(f"cannot read {name}: it is not a MIDI file")
    header_end = 8 + int.from_bytes(data[4:8], "big")
    if not _CHUNK_NAME.fullmatch(data[header_end : header_end + 4]):
        header_end = _HEADER_BYTES
    tracks = _find_tracks(data, header_end)
    declared = int.from_bytes(data[10:12], "big")
    if not tracks:
        raise UserError(f"cannot read {name}: damaged MIDI (it holds no track)")
    if len(tracks) > MAX_TRACKS:
        raise UserError(f"cannot read {name}: it has more than {MAX_TRACKS} tracks")
    damage = ""
    if declared > len(tracks):
        damage = f"of {declared} tracks it holds {len(tracks)}"
    return Chunks(read_division(data[12:14]), data, tracks, damage)


def read_division(field: bytes) -> Division:
    """The header's last two bytes; where they make no sense, what is likeliest."""
    ticks = int.from_bytes(field, "big")
    frames = _FRAMES_PER_SECOND.get(256 - field[0])
    if ticks < 0x8000 or frames is None or not field[1]:
        return Division(ticks & 0x7FFF or DEFAULT_DIVISION)
    rate = frames * field[1]  # ticks a second
    return Division(round(rate / 2), 1 / rate)


def _from_header(data: bytes) -> bytes:
    """The file from its header on; of a RIFF file, the chunk that is MIDI."""
    start = data.find(b"MThd")
    if start < 0:
        return b""
    length = len(data) - start
    if data[:4] == b"RIFF" and data[start - 8 : start - 4] == b"data":
        length = int.from_bytes(data[start - 4 : start], "little")
    return data[start : start + length]


def _find_tracks(data: bytes, position: int) -> list[tuple[int, int]]:
    """The tracks from a position on, at most one more than there may be."""
    tracks = []
    while 0 <= position <= len(data) - 8 and len(tracks) <= MAX_TRACKS:
        if not _CHUNK_NAME.match(data, position):
            position = data.find(b"MTrk", position)
            continue
        start = position + 8
        end = start + int.from_bytes(data[position + 4 : start], "big")
        if not _ends_a_chunk(data, end):
            end = data.find(b"MTrk", start)
            end = len(data) if end < 0 else end
        if data.startswith(b"MTrk", position):
            tracks.append((start, end))
        position = end
    return tracks


def _ends_a_chunk(data: bytes, end: int) -> bool:
    """Whether the file ends here, or another chunk begins here or a byte later."""
    if end >= len(data):
        return end == len(data)
    for start in (end, end + 1):
        if data.startswith(b"MTrk", start):
            return True
    length = int.from_bytes(data[end + 4 : end + 8], "big")
    return bool(_CHUNK_NAME.match(data, end)) and end + 8 + length <= len(data)
