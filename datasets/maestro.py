"""MAESTRO: piano performances recorded at a competition."""

import tensorflow_datasets as tfds

from tfmusic.datasets.maestro_files import VERSIONS, list_performances
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Listing

VERSION = tfds.core.Version("1.0.0")


class Maestro(PieceBuilder):
    """MAESTRO in its official splits; see `datasets/README.md`."""

    VERSION = VERSION
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name=version,
            version=VERSION,
            description=f"The performances of maestro-{version}.csv.",
        )
        for version in VERSIONS
    ]
    reader = "tfmusic.datasets.maestro_files:read_performance"

    def list_items(self) -> Listing:
        return list_performances(self.input, self.builder_config.name)
