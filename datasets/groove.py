"""Groove MIDI: drum performances, as tensorflow-datasets' own builder has them."""

import os
import tempfile

import tensorflow_datasets as tfds

from tfmusic.datasets.groove_files import NAME, Table, find_table, list_performances
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.source import Listing
from tfmusic.errors import UserError
from tfmusic.quiet import import_tensorflow


# tensorflow-datasets has a builder of this name, which stays the one that it knows.
class Groove(PieceBuilder, skip_registration=True):
    """Groove MIDI in its official splits; see `datasets/README.md`.

    tensorflow-datasets' builder of this name says which performances there are, and
    in which splits. It would download the archive; here it is given the table of
    the user's, and the MIDI files are read as those of every other data set.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    reader = "tfmusic.datasets.groove_files:read_performance"

    def list_items(self) -> Listing:
        table = find_table(self.input)
        return list_performances(self.input, table, rows_by_split(table))


class _Unpacked:
    """Stands in for the download manager: all that is asked for is in a folder."""

    def __init__(self, folder: str):
        self._folder = folder

    def download_and_extract(self, url: str) -> str:
        return self._folder


def rows_by_split(table: Table) -> dict[str, list[dict]]:
    """The rows of the table by split, as tensorflow-datasets' builder reads it.

    Raises:
        UserError: a label is none of those that the builder knows.
    """
    import_tensorflow()  # which the builder reads files with
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "groove"))
        path = os.path.join(folder, "groove", NAME)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(table.text)
        builder_class = tfds.builder_cls("groove")
        builder = builder_class(config="full-midionly", data_dir=folder)
        splits = builder._split_generators(_Unpacked(folder))
        rows = {split.name: split.gen_kwargs["rows"] for split in splits}
    features = builder.info.features
    for row in (row for rows_of_split in rows.values() for row in rows_of_split):
        for feature, label in [
            (features["drummer"], row["drummer"]),
            (features["type"], row["beat_type"]),
            (features["time_signature"], row["time_signature"]),
            (features["style"]["primary"], row["style"].split("/")[0]),
        ]:
            if label not in feature.names:
                raise UserError(
                    f"{table.name}: {row['id']} has {label!r}, which is none of "
                    f"{', '.join(feature.names)}"
                )
    return rows
