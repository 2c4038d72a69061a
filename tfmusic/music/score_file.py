"""Reads a MusicXML file from its bytes, with bounds on what it may hold."""

from __future__ import annotations

import io
import os
import tempfile
import warnings
import zipfile

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music.midi_tempo import MAX_SECONDS
from tfmusic.music.musicxml import read_musicxml
from tfmusic.music.note_arrays import note_arrays
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.music.signatures import is_zip

MAX_BYTES = 2**26  # of a score, decompressed


def read_score(data: bytes, name: str) -> NoteSequence:
    """Reads a score.

    Args:
        data: the file, zipped (.mxl) or not; its first bytes tell.
        name: of the file, for errors.

    Raises:
        UserError: it isn't MusicXML, or it holds what no music does.
    """
    if is_zip(data):
        _check_sizes(data, name)
    elif len(data) > MAX_BYTES:
        raise UserError(f"cannot read {name}: it is longer than {MAX_BYTES} bytes")
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # Third parties' remarks about a file are not for the user's screen.
            warnings.simplefilter("ignore")
            path = os.path.join(folder, "score.mxl" if is_zip(data) else "score.xml")
            with open(path, "wb") as file:
                file.write(data)
            sequence = read_musicxml(path)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # the parser raises whatever the file provokes
        reason = _reason(error)
        raise UserError(f"cannot read {name}: not MusicXML ({reason})") from error
    _check(sequence, name)
    return sequence


def _check_sizes(data: bytes, name: str) -> None:
    """Refuses a zip bomb: zipfile decompresses no more of a file than it declares."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except Exception as error:  # a damaged archive provokes a dozen kinds
        reason = _reason(error)
        raise UserError(f"cannot read {name}: not MusicXML ({reason})") from error
    if size > MAX_BYTES:
        raise UserError(
            f"cannot read {name}: it would be longer than {MAX_BYTES} bytes unzipped"
        )


def _check(sequence: NoteSequence, name: str) -> None:
    """Refuses notes that MIDI has no numbers for, which tokenizers rely on."""
    notes = note_arrays(sequence)
    bounds = {
        "pitch": (notes.pitch, 0, 127),
        "velocity": (notes.velocity, 1, 127),
        "program": (notes.program, 0, 127),
        "time": (np.concatenate([notes.start, notes.end]), 0, MAX_SECONDS),
    }
    for field, (values, least, most) in bounds.items():
        if len(values) and not least <= values.min() <= values.max() <= most:
            raise UserError(
                f"cannot read {name}: a note's {field} is not from {least} to {most:g}"
            )


def _reason(error: BaseException) -> str:
    """The first error of a chain, in a few words; it may have none of its own."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(f"{type(error).__name__} {error}".split())
