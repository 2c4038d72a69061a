"""The built-in data: the four-part Bach chorales of the music21 package's corpus."""

import importlib.metadata

import tensorflow_datasets as tfds

from tfmusic.datasets.bach_files import list_chorales
from tfmusic.datasets.corpus import find_corpus
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Listing


class BachChorales(PieceBuilder):
    """Four-part Bach chorales that need no download; see `datasets/README.md`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    reader = "tfmusic.datasets.bach_files:read_chorale"
    arranger = "tfmusic.datasets.bach_files:arrange_chorales"
    arranges_music = True

    def list_items(self) -> Listing:
        origin = f"music21 {importlib.metadata.version('music21')}"
        return list_chorales(find_corpus("bach"), origin)
