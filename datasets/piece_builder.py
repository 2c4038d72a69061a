"""What the tensorflow-datasets builders of this package have in common."""

import abc
import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfmusic.datasets import registry
from tfmusic.datasets.source import Source
from tfmusic.errors import UserError
from tfmusic.files import atomic_path

REPORT_NAME = "report.json"


class PieceBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Shards of pieces, each an `id` and a serialized NoteSequence (`sequence`).

    A subclass says how its files are read. The report of what was read is written
    as `report.json` beside the shards.

    Args:
        input: the user's file, folder or zip; None for a set that needs none.
        log: called with each line of progress.
    """

    def __init__(
        self,
        *,
        input: str | None = None,
        log: Callable[[str], None] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.input = input
        self.log = log or (lambda line: None)
        self._source: Source | None = None

    @abc.abstractmethod
    def read(self) -> Source:
        """Reads the files.

        Raises:
            UserError: they are missing or not what was expected.
        """

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "id": tfds.features.Text(),
            "sequence": tfds.features.Tensor(shape=(), dtype=np.object_),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
            **self.metadata(),
        )

    @abc.abstractmethod
    def metadata(self) -> dict[str, str]:
        """Description, citation, homepage and license."""

    def prepare(self) -> None:
        """Writes the shards, unless they are there; nothing is downloaded.

        Raises:
            UserError: the files are missing or not what was expected, or the folder
                can't be written to.
        """
        if self.is_prepared():
            return
        if self.input is None and registry.get_dataset(self.name).needs_input:
            raise UserError(
                f"{self.name} has not been prepared: run python -m tfmusic.prepare "
                f"--dataset={self.name} --input=PATH --data_dir={self.data_dir_root}"
            )
        self._source = self.read()
        tfds.disable_progress_bar()
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.download_and_prepare(download_config=config)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"cannot write {self.data_dir}: {reason}") from error

    def report(self) -> dict[str, Any]:
        """The report of the files that the shards were made from."""
        with open(os.path.join(self.data_dir, REPORT_NAME), encoding="utf-8") as file:
            return json.load(file)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        source = self._source or self.read()
        report = {"dataset": self.name, "version": str(self.version)}
        report |= source.report()
        with atomic_path(os.path.join(self.data_dir, REPORT_NAME)) as path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(report, file, indent=2)
        return {
            split: self._generate_examples(pieces)
            for split, pieces in source.pieces.items()
        }

    def _generate_examples(self, pieces: dict[str, Any]) -> Iterator:
        for index, (name, sequence) in enumerate(pieces.items()):
            yield index, {"id": name, "sequence": sequence.SerializeToString()}
