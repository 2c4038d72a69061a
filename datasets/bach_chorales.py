"""The built-in data: the four-part Bach chorales of the music21 package's corpus."""

import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Sequence

import tensorflow_datasets as tfds

from tfmusic.datasets.kinship import find_duplicates, find_groups
from tfmusic.datasets.piece_builder import PieceBuilder
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
        return read_chorales(find_corpus(), self.log)

    def metadata(self) -> dict[str, str]:
        return {
            "description": "Bach's four-part chorales from the music21 corpus.",
            "homepage": "https://github.com/cuthbertLab/music21",
            "license": "music21's corpus: its files' own licences; music: public domain",
            "citation": "",
        }


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
    raise UserError("the corpus of music21 is not installed: pip install music21")


def read_chorales(folder: str, log: Callable[[str], None]) -> Source:
    """Reads the four-part pieces of a folder of MusicXML files.

    Duplicates are removed: those equal on the grid of 16ths, but for rests at the
    end. Pieces that share two bars in all four voices, at any transposition, are put
    in one split.

    Args:
        folder: where the files are.
        log: called with each line of progress.

    Raises:
        UserError: the folder holds no four-part piece.
    """
    files = sorted(
        (name for name in os.listdir(folder) if name.endswith(SUFFIXES)),
        key=_natural_order,
    )
    log(f"reading {len(files)} files of the music21 corpus")
    sequences, skipped = {}, {}
    for file in files:
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
        sequence.collection_name = "music21"
        sequences[name] = sequence
    if not sequences:
        raise UserError(f"no four-part chorale in {folder}: reinstall music21")

    grids = {name: sequence_to_grid(piece) for name, piece in sequences.items()}
    duplicates = find_duplicates(grids)
    groups = find_groups({n: g for n, g in grids.items() if n not in duplicates})
    pieces: dict[str, dict] = {split: {} for split in SPLITS}
    for group in groups:
        for name in group:
            pieces[split_of(group)][name] = sequences[name]
    return Source(
        pieces=pieces,
        num_files=len(files),
        skipped=skipped,
        duplicates=duplicates,
        groups=[group for group in groups if len(group) > 1],
    )


def split_of(group: Sequence[str]) -> str:
    """The split of a group of kin: a tenth each is for validation and for test.

    It depends on the least of the group's names only, so that other files that
    come or go don't move it.
    """
    digest = hashlib.sha256(min(group).encode()).digest()
    return {0: "validation", 1: "test"}.get(
        int.from_bytes(digest[:8], "big") % 10, "train"
    )


def _natural_order(name: str) -> list:
    """Sorts bwv2.6 before bwv10.7."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdigit() else part for part in parts]
