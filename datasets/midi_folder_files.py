"""The music files of a user: which there are, and how one is read.

Nothing here imports TensorFlow: the reader runs in processes of its own.
"""

import functools
import os

from tfmusic.datasets.input_files import list_files, read_file
from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.errors import UserError
from tfmusic.music.abc import read_abc_book, read_tune
from tfmusic.music.io import ABC_SUFFIXES, MUSIC_SUFFIXES, parse_sequence


def list_music(path: str) -> Listing:
    """The music files at any depth, and each tune of a tune book.

    Tune books are opened, to know how many tunes they have; other files are not.

    Args:
        path: a folder, a zip or a single file.

    Raises:
        UserError: there is none, or the path can't be read.
    """
    files = list_files(path, lambda file: file.lower().endswith(MUSIC_SUFFIXES))
    if not files:
        suffixes = ", ".join(MUSIC_SUFFIXES)
        raise UserError(f"{path} holds no music: looked for {suffixes}")
    items = []
    for file in files:
        if file.lower().endswith(ABC_SUFFIXES):
            items += _tunes(path, file)
        else:
            items.append(Item(_printable(file), (path, file)))
    are_tunes = any(len(item.location) > 2 for item in items)
    unit = "files and tunes" if are_tunes else "files"
    return Listing(os.path.basename(os.path.abspath(path)), items, unit)


def read_music(item: Item) -> list[Piece]:
    """A file's or a tune's music; its split is to be decided by the notes alone.

    So a file stays in its split when it is renamed or moved, and files of equal notes
    are in one split.

    Raises:
        UserError: it can't be read, or has no notes.
    """
    path, file, *place = item.location
    data = read_file(path, file)
    if file.lower().endswith(ABC_SUFFIXES):
        try:
            sequence = read_tune(_tunes_of(data)[int(*place)])
        except UserError as error:
            raise UserError(f"cannot read {item.name}: {error}") from error
    else:
        sequence = parse_sequence(data, item.name)
    if not sequence.notes:
        raise UserError(f"cannot read {item.name}: it has no notes")
    sequence.id = item.name
    sequence.filename = _printable(file)
    return [Piece(item.name, sequence)]


def _tunes(path: str, file: str) -> list[Item]:
    """An item for each tune of a book, named by its place, from 1."""
    try:
        num_tunes = len(read_abc_book(read_file(path, file)))
    except UserError:  # which the reader then gives as the reason to skip it
        return [Item(_printable(file), (path, file))]
    return [
        Item(f"{_printable(file)}#{place + 1}", (path, file, str(place)))
        for place in range(num_tunes)
    ]


# A book is divided once for many of its tunes.
_tunes_of = functools.lru_cache(maxsize=1)(read_abc_book)


def _printable(file: str) -> str:
    """A name of any bytes, which old archives are full of, as UTF-8 can have it."""
    return file.encode("utf-8", "backslashreplace").decode("utf-8")
