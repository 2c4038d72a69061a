"""The built-in data: the four-part Bach chorales of the music21 package's corpus."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
from collections.abc import Iterable

import tensorflow_datasets as tfds

from tfmusic.datasets.kinship import find_duplicates, find_groups
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.progress import Log, print_line, with_progress
from tfmusic.datasets.source import SPLITS, Source
from tfmusic.errors import UserError
from tfmusic.music.io import read_sequence
from tfmusic.tokenizers.grid import VOICES, sequence_to_grid

SUFFIXES = (".mxl", ".xml")


class BachChorales(PieceBuilder):
    """Four-part Bach chorales that need no download; see `datasets/README.md`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def read(self) -> Source:
        origin = f"music21 {importlib.metadata.version('music21')}"
        return read_chorales(find_corpus(), origin, self.log)


def find_corpus() -> str:
    """The corpus' folder of Bach's works, without importing music21.

    Raises:
        UserError: music21 is not installed with its corpus.
    """
    spec = importlib.util.find_spec("music21")
    if spec is not None and spec.origin is not None:
        folder = os.path.join(os.path.dirname(spec.origin), "corpus", "bach")
        if os.path.isdir(folder):
            return folder
    raise UserError("music21 is not installed with its corpus: pip install music21")


def read_chorales(folder: str, origin: str, log: Log = print_line) -> Source:
    """Reads the four-part pieces of a folder of MusicXML files.

    Pieces equal on the grid of 16ths, but for rests at the end, are duplicates: the
    first in the order of names is kept. Pieces that share a passage (see
    `kinship.passages`) are put in one split.

    Args:
        folder: where the files are.
        origin: what to call it in the report.
        log: called with each line of progress.

    Raises:
        UserError: the folder holds no four-part piece.
    """
    files = [name for name in os.listdir(folder) if name.endswith(SUFFIXES)]
    files.sort(key=_natural_order)
    log(f"bach_chorales: reading {len(files)} files of {origin}, for the first time")
    sequences, skipped = {}, {}
    for file in with_progress(files, "files read", log):
        try:
            sequence = read_sequence(os.path.join(folder, file))
        except UserError as error:
            skipped[file] = str(error)
            continue
        num_parts = len(sequence.part_infos)
        if num_parts != len(VOICES):
            skipped[file] = f"{num_parts} parts, not {len(VOICES)}"
            continue
        name = os.path.splitext(file)[0]
        sequence.id = sequence.filename = name
        sequence.collection_name = origin
        sequences[name] = sequence
    if not sequences:
        raise UserError(f"no four-part chorale in {folder}: reinstall music21")

    grids = {name: sequence_to_grid(piece) for name, piece in sequences.items()}
    duplicates = find_duplicates(grids)
    groups = find_groups(grids)
    split_by_name = {name: split_of(group) for group in groups for name in group}
    pieces: dict[str, dict] = {split: {} for split in SPLITS}
    for name, sequence in sequences.items():
        if name not in duplicates:
            pieces[split_by_name[name]][name] = sequence
    return Source(
        origin=origin,
        pieces=pieces,
        num_files=len(files),
        skipped=skipped,
        duplicates=duplicates,
        groups=[group for group in groups if len(group) > 1],
    )


def split_of(group: Iterable[str]) -> str:
    """The split of a group of kin: a tenth is for validation, a tenth for test.

    It depends on the least of the group's names alone, so that other files that
    come or go don't move it.
    """
    digest = hashlib.sha256(min(group).encode()).digest()
    tenth = int.from_bytes(digest[:8], "big") % 10
    return {0: "validation", 1: "test"}.get(tenth, "train")


def _natural_order(name: str) -> list:
    """Sorts bwv2.6 before bwv10.7."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdigit() else part for part in parts]
