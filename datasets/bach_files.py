"""Reads and arranges the four-part Bach chorales of music21's corpus."""

import os
import re
from collections.abc import Sequence

from tfmusic.datasets.arrangement import Arrangement, split_of
from tfmusic.datasets.kinship import find_duplicates, find_groups
from tfmusic.datasets.reading import ReadPiece
from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.errors import UserError
from tfmusic.music.io import read_sequence
from tfmusic.tokenizers.grid import VOICES, sequence_to_grid

SUFFIXES = (".mxl", ".xml")


def list_chorales(folder: str, origin: str) -> Listing:
    """The MusicXML files of a folder.

    Args:
        folder: where they are.
        origin: what to call it in the report.
    """
    files = [name for name in os.listdir(folder) if name.endswith(SUFFIXES)]
    files.sort(key=_natural_order)
    items = [Item(file, (os.path.join(folder, file), origin)) for file in files]
    return Listing(origin, items)


def read_chorale(item: Item) -> list[Piece]:
    """Reads a chorale.

    Raises:
        UserError: the file can't be read, or has not four parts.
    """
    path, origin = item.location
    sequence = read_sequence(path)
    num_parts = len(sequence.part_infos)
    if num_parts != len(VOICES):
        raise UserError(f"{num_parts} parts, not {len(VOICES)}")
    name = os.path.splitext(item.name)[0]
    sequence.id = sequence.filename = name
    sequence.collection_name = origin
    return [Piece(name, sequence)]


def arrange_chorales(pieces: Sequence[ReadPiece]) -> Arrangement:
    """Puts pieces that share a passage (see `kinship.passages`) into one split.

    Pieces equal on the grid of 16ths, but for rests at the end, are duplicates: the
    first in the order of names is kept. A group's split is that of its least name.
    """
    from tfmusic.music.note_sequence import NoteSequence

    grids = {
        piece.name: sequence_to_grid(NoteSequence.FromString(piece.data))
        for piece in pieces
    }
    duplicates = find_duplicates(grids)
    groups = find_groups(grids)
    splits = {name: split_of(min(group)) for group in groups for name in group}
    return Arrangement(
        splits={name: splits[name] for name in grids if name not in duplicates},
        duplicates=duplicates,
        groups=[group for group in groups if len(group) > 1],
    )


def _natural_order(name: str) -> list:
    """Sorts bwv2.6 before bwv10.7."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdigit() else part for part in parts]
