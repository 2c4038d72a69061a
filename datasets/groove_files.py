"""The files of Groove MIDI: its table, what it lists, and how one is read.

Nothing here imports TensorFlow: the reader runs in processes of its own.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import posixpath
import re

from tfmusic.datasets.input_files import list_files, read_file
from tfmusic.datasets.source import SPLITS, Item, Listing, Piece
from tfmusic.datasets.tables import find_file, parse_table
from tfmusic.errors import UserError
from tfmusic.music.io import MIDI_SUFFIXES, parse_sequence

NAME = "info.csv"
COLUMNS = (
    "drummer",
    "id",
    "style",
    "bpm",
    "beat_type",
    "time_signature",
    "midi_filename",
    "split",
)


@dataclasses.dataclass(frozen=True)
class Table:
    """The data set's table.

    Attributes:
        name: where the folder or zip holds it.
        text: the .csv.
    """

    name: str
    text: str


def find_table(path: str) -> Table:
    """The table of a folder or zip, as it was published.

    Copies are about that a spreadsheet program wrote: with backslashes in paths, and
    with time signatures taken for dates, 4-4 for the 4th of April, in the words of
    some language. These are mended.

    Raises:
        UserError: it is not there or not the table.
    """
    name = find_file(path, NAME)
    if name is None:
        raise UserError(
            f"{path} holds no {NAME}: give the unpacked folder or "
            "groove-v1.0.0-midionly.zip"
        )
    rows = parse_table(read_file(path, name), name, COLUMNS)
    for row in rows:
        row["midi_filename"] = row["midi_filename"].replace("\\", "/")
        numbers = re.findall(r"\d+", row["time_signature"])
        row["time_signature"] = "-".join(str(int(number)) for number in numbers)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return Table(name, text.getvalue())


def list_performances(path: str, table: Table, rows: dict[str, list[dict]]) -> Listing:
    """The performances that a table lists.

    Args:
        path: the folder or zip that holds it.
        table: its table.
        rows: of the table, by split.

    Raises:
        UserError: some of its files are not there.
    """
    there = set(list_files(path, lambda file: file.lower().endswith(MIDI_SUFFIXES)))
    items, missing = [], []
    for split, rows_of_split in rows.items():
        if split not in SPLITS:
            raise UserError(f"{table.name} has an unknown split, {split!r}")
        for row in rows_of_split:
            file = posixpath.join(posixpath.dirname(table.name), row["midi_filename"])
            if file not in there:
                missing.append(file)
            location = (path, file, row["drummer"], *row["style"].split("/", 1))
            items.append(Item(row["id"], location, split))
    if missing:
        raise UserError(
            f"{path}: {len(missing)} of the {len(items)} files of {table.name} are "
            f"missing, the first is {min(missing)}: give the complete "
            "groove-v1.0.0-midionly.zip"
        )
    items.sort(key=lambda item: item.name)
    return Listing(os.path.basename(os.path.abspath(path)), items)


def read_performance(item: Item) -> list[Piece]:
    """A performance with its drummer (`artist`) and its style (`genre`).

    Raises:
        UserError: the file can't be read.
    """
    path, file, drummer, *styles = item.location
    sequence = parse_sequence(read_file(path, file), file)
    sequence.id = item.name
    sequence.filename = file
    sequence.collection_name = "Groove MIDI Dataset"
    sequence.sequence_metadata.artist = drummer
    sequence.sequence_metadata.genre.extend(styles)
    return [Piece(item.name, sequence, item.split)]
