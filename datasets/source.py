"""What a data set's files held: the pieces by split, and what became of each file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Source:
    """The pieces read from the files of a data set.

    Attributes:
        origin: what was read, such as a package and its version or a file's name.
        pieces: for each split, the sequence of each piece by its id, in order.
        num_files: files given; those read and those skipped add up to it.
        skipped: the reason for each file that was skipped.
        duplicates: pieces left out, each with the id of the one that is kept.
        groups: ids of pieces that share music and therefore share a split.
    """

    origin: str
    pieces: dict[str, dict[str, NoteSequence]]
    num_files: int
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    duplicates: dict[str, str] = dataclasses.field(default_factory=dict)
    groups: list[list[str]] = dataclasses.field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """Counts of files and of each split's pieces, notes and seconds."""
        return {
            "origin": self.origin,
            "files": {
                "given": self.num_files,
                "read": self.num_files - len(self.skipped),
                "skipped": self.skipped,
            },
            "duplicates_removed": self.duplicates,
            "groups": self.groups,
            "splits": {
                split: {
                    "pieces": len(pieces),
                    "notes": sum(len(piece.notes) for piece in pieces.values()),
                    "seconds": sum(piece.total_time for piece in pieces.values()),
                }
                for split, pieces in self.pieces.items()
            },
        }
