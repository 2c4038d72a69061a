"""The built-in folk songs: the Essen collection of the music21 package's corpus."""

import importlib.metadata

import tensorflow_datasets as tfds

from tfmusic.datasets.corpus import find_corpus
from tfmusic.datasets.essen_files import FOLDER, list_songs
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Listing

VERSION = tfds.core.Version("1.0.0")


class Essen(PieceBuilder):
    """Folk songs, melodies alone, that need no download; see `datasets/README.md`."""

    VERSION = VERSION
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="all", version=VERSION, description="Every tune of the corpus."
        ),
        tfds.core.BuilderConfig(
            name="erk",
            version=VERSION,
            description="German songs of Ludwig Erk's collection.",
        ),
    ]
    reader = "tfmusic.datasets.essen_files:read_song"
    arranger = "tfmusic.datasets.essen_files:arrange_songs"
    compares_notes = True
    arranges_music = True

    def list_items(self) -> Listing:
        origin = f"music21 {importlib.metadata.version('music21')}"
        return list_songs(find_corpus(FOLDER), origin, self.builder_config.name)
