"""The standard JSB Chorales: 382 chorales in three official splits."""

import os

import tensorflow_datasets as tfds

from tfmusic.datasets.jsb_files import find_file
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Item, Listing


class JsbChorales(PieceBuilder):
    """`Jsb16thSeparated` as it is, given by the user; see `datasets/README.md`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    reader = "tfmusic.datasets.jsb_files:read_chorales"

    def input_bytes(self) -> bytes:
        return find_file(self.input)[1]

    def list_items(self) -> Listing:
        label = os.path.basename(find_file(self.input)[0])
        return Listing(origin=label, items=[Item(label, (self.input,))])
