"""The files of POP909: which songs there are, and how one is read.

Nothing here imports TensorFlow: the reader runs in processes of its own.
"""

from __future__ import annotations

import itertools
import math
import os
import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfmusic.datasets.harte import NO_CHORD, pitch_class, to_chord_symbol
from tfmusic.datasets.input_files import list_files, read_file
from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.errors import UserError
from tfmusic.music.io import parse_sequence

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

# What may lie beside a song's MIDI file, in the order of an item's location.
BEATS, CHORDS, KEYS = "beat_midi.txt", "chord_midi.txt", "key_audio.txt"
ANNOTATIONS = (BEATS, CHORDS, KEYS)
# 001.mid and so on; 001-v1.mid of the folder `versions` is the same song again.
SONG = re.compile(r"\d{3}\.mid", re.IGNORECASE)
GAP = 0.01  # seconds without a chord that are not just rounding


def list_songs(path: str) -> Listing:
    """The songs, each with the texts that lie beside it.

    Args:
        path: the unpacked folder or the zip.

    Raises:
        UserError: there is no song.
    """
    files = list_files(path, lambda file: file.lower().endswith((".mid", ".txt")))
    there = set(files)
    items: dict[str, Item] = {}
    for file in sorted(files, key=lambda file: (file.count("/"), file)):
        folder, base = posixpath.split(file)
        if not SONG.fullmatch(base) or "versions" in folder.split("/"):
            continue
        name = base[:3]
        texts = [posixpath.join(folder, text) for text in ANNOTATIONS]
        texts = [text if text in there else "" for text in texts]
        items.setdefault(name, Item(name, (path, file, *texts)))
    if not items:
        raise UserError(
            f"{path} holds no song of POP909, such as POP909/001/001.mid: give the "
            "unpacked folder or the zip"
        )
    origin = os.path.basename(os.path.abspath(path))
    return Listing(origin, [items[name] for name in sorted(items)], unit="songs")


def read_song(item: Item) -> list[Piece]:
    """A song: tracks MELODY, BRIDGE and PIANO, with beats, chords and keys if given.

    Raises:
        UserError: a file can't be read.
    """
    path, file, *texts = item.location
    sequence = parse_sequence(read_file(path, file), posixpath.basename(file))
    sequence.id = item.name
    sequence.filename = posixpath.basename(file)
    sequence.collection_name = "POP909"
    remove_meters_of_one_beat(sequence)
    for text, annotate in zip(texts, (add_beats, add_chords, add_keys), strict=True):
        if not text:
            continue
        try:
            annotate(sequence, read_file(path, text).decode())
        except ValueError as error:  # of a number, a chord or an encoding
            raise UserError(f"cannot read {text}: {error}") from error
    return [Piece(item.name, sequence)]


def remove_meters_of_one_beat(sequence: NoteSequence) -> None:
    """Removes the time signatures 1/4, so that the meter before goes on, at first 4/4.

    Three files of four have one, though none of these songs has bars of a quarter.
    """
    kept = [
        meter
        for meter in sequence.time_signatures
        if (meter.numerator, meter.denominator) != (1, 4)
    ]
    del sequence.time_signatures[:]
    sequence.time_signatures.extend(kept)


def add_beats(sequence: NoteSequence, text: str) -> None:
    """Adds an annotation BEAT for each line of a beat_midi.txt.

    A line is a time in seconds and two flags; the last is 1 where a bar begins. An
    annotation's text is the place in the bar: 1, 2 and so on, nothing before the first
    bar.

    Raises:
        ValueError: a line is something else.
    """
    place = 0
    for time, *flags in _lines(text, 3):
        is_first = float(flags[-1]) == 1
        place = 1 if is_first else place + bool(place)
        annotation = sequence.text_annotations.add()
        annotation.time = _seconds(time)
        annotation.text = str(place) if place else ""
        annotation.annotation_type = annotation.BEAT


def add_chords(sequence: NoteSequence, text: str) -> None:
    """Adds an annotation CHORD_SYMBOL for each change of a chord_midi.txt.

    A line is a start and an end in seconds, and a chord in Harte's notation, which
    becomes note-seq's. Where there is no chord, or one that note-seq has no name for,
    the annotation is N.C.

    Raises:
        ValueError: a line is something else.
    """
    chords = []  # (time, chord symbol)
    end = None
    for start_text, end_text, chord in _lines(text, 3):
        start = _seconds(start_text)
        if end is not None and start > end + GAP:
            chords.append((end, NO_CHORD))
        chords.append((start, to_chord_symbol(chord) or NO_CHORD))
        end = _seconds(end_text)
    if end is not None:
        chords.append((end, NO_CHORD))
    for _, same in itertools.groupby(chords, key=lambda chord: chord[1]):
        annotation = sequence.text_annotations.add()
        annotation.time, annotation.text = next(same)
        annotation.annotation_type = annotation.CHORD_SYMBOL


def add_keys(sequence: NoteSequence, text: str) -> None:
    """Sets the key signatures to those of a key_audio.txt.

    A line is a start and an end in seconds, and a key such as Gb:maj. The first key
    counts from the beginning: what comes before it was only too short to tell.

    Raises:
        ValueError: a line is something else.
    """
    del sequence.key_signatures[:]
    for start, _, key in _lines(text, 3):
        tonic, _, mode = key.partition(":")
        signature = sequence.key_signatures.add()
        is_first = len(sequence.key_signatures) == 1
        signature.time = 0.0 if is_first else _seconds(start)
        signature.key = pitch_class(tonic)  # which is how the keys are numbered
        if mode not in ("maj", "min"):
            raise ValueError(f"{key!r} is not a key")
        signature.mode = signature.MINOR if mode == "min" else signature.MAJOR


def _seconds(text: str) -> float:
    seconds = float(text)
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is not a time")
    return seconds


def _lines(text: str, num_fields: int) -> Iterator[list[str]]:
    """The fields of each line that is not empty."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == num_fields:
            yield fields
        elif fields:
            raise ValueError(f"{line!r} has not {num_fields} fields")
