"""The user's own music: whatever a folder or a zip holds."""

import tensorflow_datasets as tfds

from tfmusic.datasets.midi_folder_files import list_music
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Listing


class MidiFolder(PieceBuilder):
    """Every music file of a folder, split by contents; see `datasets/README.md`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    reader = "tfmusic.datasets.midi_folder_files:read_music"
    arranger = "tfmusic.datasets.arrangement:distinct_by_notes"
    compares_notes = True

    def list_items(self) -> Listing:
        return list_music(self.input)
