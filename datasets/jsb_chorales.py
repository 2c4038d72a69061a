"""The standard JSB Chorales: 382 chorales in three official splits."""

import os

import tensorflow_datasets as tfds

from tfmusic.datasets.jsb_files import find_file, parse_grids
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Source
from tfmusic.tokenizers.grid import grid_to_sequence

QPM = 120.0  # the data has no tempo


class JsbChorales(PieceBuilder):
    """`Jsb16thSeparated` as it is, given by the user; see `datasets/README.md`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def input_bytes(self) -> bytes:
        return find_file(self.input)[1]

    def read(self) -> Source:
        label, data = find_file(self.input)
        self.log(f"jsb_chorales: reading {label}")
        pieces = {}
        for split, grids in parse_grids(data, label).items():
            pieces[split] = {}
            for index, grid in enumerate(grids):
                name = f"{split}_{index:03d}"
                sequence = grid_to_sequence(grid, QPM)
                sequence.id = name
                sequence.collection_name = "JSB Chorales"
                pieces[split][name] = sequence
        return Source(origin=os.path.basename(label), pieces=pieces, num_files=1)
