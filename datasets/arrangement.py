"""Which pieces are kept, and in which split each of them is."""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from tfmusic.datasets.reading import Outcome, ReadPiece
from tfmusic.datasets.source import SPLITS, Listing
from tfmusic.datasets.workers import find_function
from tfmusic.errors import UserError


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """Where pieces belong.

    Attributes:
        splits: the split of each piece that is kept, by its name, in order.
        duplicates: pieces left out, each with the name of the one that is kept.
        groups: names of pieces that share music and therefore share a split.
    """

    splits: dict[str, str]
    duplicates: dict[str, str]
    groups: list[list[str]]


def arrange(arranger: str, pieces: Sequence[ReadPiece]) -> Arrangement:
    """Where pieces belong, by the function that `arranger` names (`module:name`)."""
    names = [piece.name for piece in pieces]
    if len(set(names)) < len(names):
        raise ValueError("two pieces have one name")
    return find_function(arranger)(pieces)


def by_group(pieces: Sequence[ReadPiece]) -> Arrangement:
    """Splits as they are given, else by a hash of each piece's group."""
    names: dict[str, list[str]] = {}
    for piece in pieces:
        if piece.split is None:
            names.setdefault(piece.group, []).append(piece.name)
    return Arrangement(
        splits={piece.name: piece.split or split_of(piece.group) for piece in pieces},
        duplicates={},
        groups=[group for group in names.values() if len(group) > 1],
    )


def distinct_by_group(pieces: Sequence[ReadPiece]) -> Arrangement:
    """As `by_group`, but of pieces with equal notes only the first is kept."""
    pieces, duplicates = without_duplicates(pieces)
    return dataclasses.replace(by_group(pieces), duplicates=duplicates)


def distinct_by_notes(pieces: Sequence[ReadPiece]) -> Arrangement:
    """As `distinct_by_group`, but splits by a hash of the notes."""
    pieces, duplicates = without_duplicates(pieces)
    splits = {piece.name: split_of(piece.digest) for piece in pieces}
    return Arrangement(splits, duplicates, groups=[])


def without_duplicates(
    pieces: Sequence[ReadPiece],
) -> tuple[list[ReadPiece], dict[str, str]]:
    """Of pieces with equal notes the first, and its name for each of the others."""
    first: dict[str, str] = {}
    for piece in pieces:
        first.setdefault(piece.digest, piece.name)
    kept = [piece for piece in pieces if first[piece.digest] == piece.name]
    duplicates = {
        piece.name: first[piece.digest]
        for piece in pieces
        if first[piece.digest] != piece.name
    }
    return kept, duplicates


def split_of(key: str) -> str:
    """A split by a key's hash: a tenth is for validation, a tenth for test.

    It depends on the key alone, so that pieces that come or go don't move others.
    """
    digest = hashlib.sha256(key.encode()).digest()
    tenth = int.from_bytes(digest[:8], "big") % 10
    return {0: "validation", 1: "test"}.get(tenth, "train")


def report(
    listing: Listing, outcomes: Iterable[Outcome], arrangement: Arrangement
) -> dict[str, Any]:
    """What was given, read, skipped, left out, and what is in each split.

    Args:
        listing: what was to be read.
        outcomes: of all of its items.
        arrangement: of what was read.
    """
    skipped = {}
    splits = {split: {"pieces": 0, "notes": 0, "seconds": 0.0} for split in SPLITS}
    for outcome in outcomes:
        if outcome.reason is not None:
            skipped[outcome.item] = outcome.reason
        for piece in outcome.pieces:
            if split := arrangement.splits.get(piece.name):
                splits[split]["pieces"] += 1
                splits[split]["notes"] += piece.num_notes
                splits[split]["seconds"] += piece.seconds
    return {
        "origin": listing.origin,
        "unit": listing.unit,
        "files": {
            "given": len(listing.items),
            "read": len(listing.items) - len(skipped),
            "skipped": skipped,
        },
        "duplicates_removed": arrangement.duplicates,
        "groups": arrangement.groups,
        "splits": splits,
    }


def check_splits(counts: dict[str, Any]) -> None:
    """Checks that a report's splits all have a piece.

    Raises:
        UserError: one has none.
    """
    for split, of_split in counts["splits"].items():
        if not of_split["pieces"]:
            skipped = counts["files"]["skipped"]
            first = next(iter(skipped.items()), None)
            reason = f"; {first[0]}: {first[1]}" if first else ""
            raise UserError(
                f"{counts['origin']} has no piece for {split}: give more music "
                f"({counts['files']['read']} of {counts['files']['given']} "
                f"{counts['unit']} were read{reason})"
            )
