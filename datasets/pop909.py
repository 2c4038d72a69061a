"""POP909: pop songs arranged for the piano."""

import tensorflow_datasets as tfds

from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.pop909_files import list_songs
from tfmusic.datasets.source import Listing


class Pop909(PieceBuilder):
    """POP909, split by the songs' numbers; see `datasets/README.md`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    reader = "tfmusic.datasets.pop909_files:read_song"

    def list_items(self) -> Listing:
        return list_songs(self.input)
