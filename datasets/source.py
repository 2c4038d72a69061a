"""What a data set is read from and into: items, pieces, and what became of each."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Item:
    """What is read at once, such as a file or a tune of a tune book.

    Attributes:
        name: tells it from the others, in the report.
        location: where a reader finds it, such as a zip and a file within.
        split: where it belongs, if that is known before it is read.
    """

    name: str
    location: tuple[str, ...]
    split: str | None = None


@dataclasses.dataclass(frozen=True)
class Piece:
    """Music that was read.

    Attributes:
        name: tells it from the others of its data set.
        sequence: the music.
        split: train, validation or test; None where the data set has no splits of its
            own.
        group: what then decides its split; pieces that share music have the same. By
            default the name.
    """

    name: str
    sequence: NoteSequence
    split: str | None = None
    group: str | None = None


@dataclasses.dataclass(frozen=True)
class Listing:
    """What is there to be read, before it is read.

    Attributes:
        origin: what it is, such as a package and its version or a file's name.
        items: all of it, in order.
        unit: what an item is, in the plural.
    """

    origin: str
    items: list[Item]
    unit: str = "files"
