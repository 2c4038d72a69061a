"""The folk songs of the music21 package's corpus: which there are, how one is read.

Nothing here imports TensorFlow: the reader runs in processes of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfmusic.datasets.arrangement import Arrangement, distinct_by_group
from tfmusic.datasets.melody_kinship import find_groups
from tfmusic.datasets.reading import ReadPiece
from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.errors import UserError
from tfmusic.music.abc import read_abc_book, read_tune
from tfmusic.music.note_arrays import note_arrays

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

FOLDER = "essenFolksong"  # of music21's corpus
SUFFIX = ".abc"
# Which tune books each config reads, by the beginnings of their names.
BOOKS = {"all": "", "erk": "erk"}


def list_songs(folder: str, origin: str, config: str) -> Listing:
    """The tunes of a folder of tune books.

    Args:
        folder: where the books are.
        origin: what to call it in the report.
        config: a key of `BOOKS`.

    Raises:
        UserError: a book can't be read, or the folder holds none.
    """
    books = sorted(
        file
        for file in os.listdir(folder)
        if file.endswith(SUFFIX) and file.startswith(BOOKS[config])
    )
    if not books:
        raise UserError(f"no tune book is in {folder}: reinstall music21")
    items = []
    for book in books:
        path = os.path.join(folder, book)
        stem = book.removesuffix(SUFFIX)
        items += [
            Item(f"{stem}-{place + 1:03d}", (path, str(place), origin))
            for place in range(len(_tunes(path)))
        ]
    return Listing(origin, items, unit="tunes")


def read_song(item: Item) -> list[Piece]:
    """Reads a tune.

    The files name the tonic as if all were in major, and write accidentals where they
    are not: the key becomes minor where the minor third sounds for longer.

    Raises:
        UserError: it is damaged.
    """
    path, place, origin = item.location
    sequence = read_tune(_tunes(path)[int(place)])
    _find_mode(sequence)
    sequence.id = item.name
    sequence.filename = os.path.basename(path)
    sequence.collection_name = origin
    return [Piece(item.name, sequence)]


def arrange_songs(pieces: Sequence[ReadPiece]) -> Arrangement:
    """Puts songs that share a passage (see `melody_kinship`) into one split.

    Of songs with equal notes the first is kept. A group's split is that of its least
    name, and duplicates count among the names, so that it depends on the tunes alone.
    """
    from tfmusic.music.note_sequence import NoteSequence

    melodies = {
        piece.name: note_arrays(NoteSequence.FromString(piece.data)).pitch
        for piece in pieces
    }
    group_by_name = {
        name: min(group) for group in find_groups(melodies) for name in group
    }
    return distinct_by_group(
        [dataclasses.replace(p, group=group_by_name[p.name]) for p in pieces]
    )


def _find_mode(sequence: NoteSequence) -> None:
    """Makes a major key minor by the third that sounds above its tonic."""
    notes = note_arrays(sequence)
    seconds = notes.end - notes.start
    for key in sequence.key_signatures:
        degree = (notes.pitch - key.key) % 12
        minor, major = (seconds[degree == third].sum() for third in (3, 4))
        if key.mode == key.MAJOR and minor > major:
            key.mode = key.MINOR


@functools.lru_cache(maxsize=4)
def _tunes(path: str) -> list[str]:
    """The tunes of a book, which is read once for many of them."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    return read_abc_book(data)
