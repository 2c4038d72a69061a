"""The standard JSB Chorales: 382 chorales in three official splits, given by the user."""

import tensorflow_datasets as tfds

from tfmusic.datasets.jsb_files import read_grids
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Source
from tfmusic.tokenizers.grid import grid_to_sequence

QPM = 120  # the data has no tempo; this is what is written


class JsbChorales(PieceBuilder):
    """`Jsb16thSeparated.json` or `.npz` as it is; see `datasets/README.md`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    def read(self) -> Source:
        splits = read_grids(self.input)
        pieces = {}
        for split, grids in splits.items():
            pieces[split] = {}
            for index, grid in enumerate(grids):
                name = f"{split}_{index:03d}"
                sequence = grid_to_sequence(grid, qpm=QPM)
                sequence.id = name
                sequence.collection_name = "JSB Chorales"
                pieces[split][name] = sequence
        return Source(pieces=pieces, num_files=1)

    def metadata(self) -> dict[str, str]:
        return {
            "description": "JSB Chorales, four voices on the grid of 16ths.",
            "homepage": "https://github.com/czhuang/JSB-Chorales-dataset",
            "license": "none stated by the encoder; the music is in the public domain",
            "citation": "",
        }
