"""Reads a NoteSequence from a MIDI, MusicXML or ABC file, and writes MIDI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tfmusic.errors import UserError
from tfmusic.files import atomic_path
from tfmusic.music.limits import LIMITS, Limits
from tfmusic.music.signatures import mismatch

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

MIDI_SUFFIXES = (".mid", ".midi")
MUSICXML_SUFFIXES = (".mxl", ".xml", ".musicxml")
ABC_SUFFIXES = (".abc",)
MUSIC_SUFFIXES = MIDI_SUFFIXES + MUSICXML_SUFFIXES + ABC_SUFFIXES

_KINDS = [
    (MIDI_SUFFIXES, "a MIDI file"),
    (MUSICXML_SUFFIXES, "MusicXML"),
    (ABC_SUFFIXES, "an ABC tune"),
]

MAX_BYTES = 2**27  # of a file; each reader is stricter


def read_sequence(path: str | os.PathLike, limits: Limits = LIMITS) -> NoteSequence:
    """Reads the music of one file.

    Args:
        path: a .mid, .midi, .mxl, .xml, .musicxml or .abc file.
        limits: on the time and memory that this may take.

    Returns:
        As of `parse_sequence`.

    Raises:
        UserError: the file is missing, empty, not music or can't be read; the
            message names the file and the reason.
    """
    path = os.fspath(path)
    _suffix(path)
    try:
        with limits.enforced(path), open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    return parse_sequence(data, path, limits)


def parse_sequence(data: bytes, name: str, limits: Limits = LIMITS) -> NoteSequence:
    """Reads the music of a file's content.

    Args:
        data: the content.
        name: the file's name; its suffix, in capitals or not, says what it is.
        limits: on the time and memory that this may take.

    Returns:
        A NoteSequence: times in seconds, one `instrument` for each program of each
        MIDI track and channel, for each MusicXML part, or for each ABC voice. Of a
        book of ABC tunes, the first.

    Raises:
        UserError: the data is empty, not music or can't be read; the message gives
            the name and the reason.
    """
    suffix = _suffix(name)
    if not data:
        raise UserError(f"cannot read {name}: the file is empty")
    if len(data) > MAX_BYTES:
        raise UserError(f"cannot read {name}: it is longer than {MAX_BYTES} bytes")
    # Importing takes seconds the first time, which are no fault of the file's.
    if suffix in MIDI_SUFFIXES:
        from tfmusic.music.midi_reader import read_midi as parse
    elif suffix in MUSICXML_SUFFIXES:
        from tfmusic.music.score_file import read_score as parse
    else:
        from tfmusic.music.note_sequence import NoteSequence  # noqa: F401

        parse = _read_abc
    if kind := mismatch(data, suffix):
        expected = next(text for kinds, text in _KINDS if suffix in kinds)
        raise UserError(f"cannot read {name}: it is not {expected} but {kind}")
    with limits.enforced(name):
        return parse(data, name)


def write_midi(sequence: NoteSequence, path: str | os.PathLike) -> None:
    """Writes a sequence as a standard MIDI file, one track for each instrument.

    Args:
        sequence: the music; times in seconds.
        path: where to; a file that is there is replaced at the end.

    Raises:
        UserError: the place can't be written to.
    """
    from tfmusic.music.note_sequence import midi_io

    with atomic_path(path) as temporary:
        midi = midi_io.note_sequence_to_pretty_midi(sequence)
        with open(temporary, "wb") as file:
            midi.write(file)


def _read_abc(data: bytes, name: str) -> NoteSequence:
    from tfmusic.music.abc import parse_abc

    try:
        return parse_abc(data)
    except UserError as error:
        raise UserError(f"cannot read {name}: {error}") from error


def _suffix(name: str) -> str:
    """The suffix of a music file's name, in lower case."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in MUSIC_SUFFIXES:
        raise UserError(f"{name}: not a music file: give {', '.join(MUSIC_SUFFIXES)}")
    return suffix
