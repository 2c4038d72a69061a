"""Reads a NoteSequence from a MIDI or MusicXML file, and writes MIDI."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfmusic.errors import UserError
from tfmusic.files import atomic_path

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

MIDI_SUFFIXES = (".mid", ".midi")
MUSICXML_SUFFIXES = (".mxl", ".xml", ".musicxml")
MUSIC_SUFFIXES = MIDI_SUFFIXES + MUSICXML_SUFFIXES


def read_sequence(path: str | os.PathLike) -> NoteSequence:
    """Reads the music of one file.

    Args:
        path: a .mid, .midi, .mxl, .xml or .musicxml file.

    Returns:
        A NoteSequence: times in seconds, one `instrument` for each MIDI track and
        channel, or one `part` and `instrument` for each MusicXML part.

    Raises:
        UserError: the file is missing, empty, not music or can't be read; the
            message names the file and the reason.
    """
    path = os.fspath(path)
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in MUSIC_SUFFIXES:
        raise UserError(f"{path}: not a music file: give {', '.join(MUSIC_SUFFIXES)}")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if not data:
        raise UserError(f"cannot read {path}: the file is empty")
    if suffix in MIDI_SUFFIXES:
        return _read_midi(path, data)
    return _read_musicxml(path)


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


def _read_midi(path: str, data: bytes) -> NoteSequence:
    from tfmusic.music.note_sequence import midi_io

    if not data.startswith(b"MThd"):
        raise UserError(f"cannot read {path}: it is not a MIDI file")
    try:
        with _quiet():
            return midi_io.midi_to_note_sequence(data)
    except midi_io.MIDIConversionError as error:
        raise UserError(f"cannot read {path}: damaged MIDI ({_reason(error)})") from (
            error
        )


def _read_musicxml(path: str) -> NoteSequence:
    from tfmusic.music.musicxml import read_musicxml

    try:
        with _quiet():
            return read_musicxml(path)
    except Exception as error:  # the parser raises whatever the file provokes
        raise UserError(f"cannot read {path}: not MusicXML ({_reason(error)})") from (
            error
        )


def _reason(error: Exception) -> str:
    """The first error of a chain, in a few words; it may have none of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(f"{type(error).__name__} {error}".split())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Third parties' remarks about a file are not for the user's screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
