"""The files of MAESTRO: which there are, by its table, and how one is read.

Nothing here imports TensorFlow: the reader runs in processes of its own.
"""

import os
import posixpath

from tfmusic.datasets.input_files import list_files, read_file
from tfmusic.datasets.source import SPLITS, Item, Listing, Piece
from tfmusic.datasets.tables import find_file, parse_table
from tfmusic.errors import UserError
from tfmusic.music.io import MIDI_SUFFIXES, parse_sequence

VERSIONS = ("v3.0.0", "v2.0.0", "v1.0.0")
COLUMNS = ("canonical_composer", "canonical_title", "split", "midi_filename")
# Files of version 2 that version 3 dropped, where both are kept together.
FALLBACK = "v2-only"


def list_performances(path: str, version: str) -> Listing:
    """The performances of a version, with its own splits.

    Args:
        path: the unpacked folder or the zip; it may hold the tables of other versions
            too.
        version: one of VERSIONS.

    Raises:
        UserError: the table or some of its files are not there.
    """
    table = find_file(path, f"maestro-{version}.csv")
    if table is None:
        raise UserError(_no_table(path, version))
    rows = parse_table(read_file(path, table), table, COLUMNS)
    folder = posixpath.dirname(table)
    there = set(list_files(path, lambda file: file.lower().endswith(MIDI_SUFFIXES)))
    items, missing = [], []
    for row in sorted(rows, key=lambda row: row["midi_filename"]):
        name, split = row["midi_filename"], row["split"]
        if split not in SPLITS:
            raise UserError(f"{table}: {name} is in no known split, but {split!r}")
        places = [
            posixpath.join(folder, name),
            posixpath.join(folder, FALLBACK, name),
        ]
        file = next((place for place in places if place in there), None)
        if file is None:
            missing.append(name)
            continue
        location = (
            path,
            file,
            f"MAESTRO {version}",
            row["canonical_composer"],
            row["canonical_title"],
        )
        items.append(Item(name, location, split))
    if missing:
        raise UserError(
            f"{path}: {len(missing)} of the {len(rows)} files of {table} are missing, "
            f"the first is {missing[0]}: give the complete maestro-{version}-midi.zip"
        )
    return Listing(os.path.basename(os.path.abspath(path)), items)


def read_performance(item: Item) -> list[Piece]:
    """A performance with its composer and title.

    Raises:
        UserError: the file can't be read.
    """
    path, file, collection, composer, title = item.location
    sequence = parse_sequence(read_file(path, file), item.name)
    sequence.id = sequence.filename = item.name
    sequence.collection_name = collection
    sequence.sequence_metadata.composers.append(composer)
    sequence.sequence_metadata.title = title
    return [Piece(item.name, sequence, item.split)]


def _no_table(path: str, version: str) -> str:
    text = f"{path} holds no maestro-{version}.csv"
    for other in VERSIONS:
        if find_file(path, f"maestro-{other}.csv"):
            return f"{text}, but that of {other}: choose --dataset=maestro/{other}"
    return f"{text}: give the unpacked folder or maestro-{version}-midi.zip"
