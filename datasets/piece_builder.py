"""What the tensorflow-datasets builders of this package have in common."""

import abc
import contextlib
import hashlib
import io
import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfmusic.datasets import registry
from tfmusic.datasets.progress import Log, print_line
from tfmusic.datasets.source import Source
from tfmusic.errors import UserError
from tfmusic.files import check_writable
from tfmusic.quiet import import_tensorflow

REPORT_NAME = "report.json"


class PieceBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Shards of pieces, each an `id` and a serialized NoteSequence (`sequence`).

    A subclass says how its files are read. The report of what was read is written
    as `report.json` beside the shards.

    Args:
        input: the user's file, folder or zip; None for a set that needs none.
        log: called with each line of progress.
        **kwargs: tensorflow-datasets' own, such as `data_dir`.
    """

    def __init__(self, *, input: str | None = None, log: Log = print_line, **kwargs):
        super().__init__(**kwargs)
        self.input = input
        self.log = log
        self._source: Source | None = None

    @abc.abstractmethod
    def read(self) -> Source:
        """Reads the files.

        Raises:
            UserError: they are missing or not what was expected.
        """

    def input_bytes(self) -> bytes:
        """What tells one input from another.

        Raises:
            UserError: the input is missing or not what was expected.
        """
        return b""

    def prepare(self) -> None:
        """Writes the shards, unless they are there. Nothing is downloaded.

        Raises:
            UserError: the input is missing, not what was expected, or not what the
                shards that are there were made from; the folder can't be written to.
        """
        needs_input = registry.get_dataset(self.name).needs_input
        if self.input is not None and not needs_input:
            raise UserError(f"{self.name} needs no --input: leave it out")
        if self._has_shards():
            self._check_input()
            return
        if self.input is None and needs_input:
            command = f"python -m tfmusic.prepare --dataset={self.name} --input=PATH"
            folder = shlex.quote(str(self.data_dir_root))
            raise UserError(
                f"{self.name} has not been prepared: run {command} --data_dir={folder}"
            )
        check_writable(self.data_dir_root)
        self._source = self.read()
        for split, pieces in self._source.pieces.items():
            if not pieces:
                raise UserError(
                    f"{self._source.origin} has no piece for {split}: give more music"
                )
        import_tensorflow()
        tfds.disable_progress_bar()
        try:
            with (
                tempfile.TemporaryDirectory() as unused,
                contextlib.redirect_stdout(io.StringIO()),
            ):
                self.download_and_prepare(
                    download_dir=unused,
                    download_config=tfds.download.DownloadConfig(
                        try_download_gcs=False
                    ),
                )
        except OSError as error:
            if not self._has_shards():  # else another process was first
                reason = error.strerror or error
                raise UserError(f"cannot write {self.data_dir}: {reason}") from error
            self.info.read_from_directory(self.data_dir)
        finally:
            self._source = None

    def report(self) -> dict[str, Any]:
        """The report of the files that the shards were made from."""
        with open(os.path.join(self.data_dir, REPORT_NAME), encoding="utf-8") as file:
            return json.load(file)

    def _has_shards(self) -> bool:
        return os.path.isfile(os.path.join(self.data_dir, "dataset_info.json"))

    def _check_input(self) -> None:
        if self.input is None:
            return
        report = self.report()
        if report["input_sha256"] != self._input_sha256():
            raise UserError(
                f"{self.data_dir} was prepared from another input than {self.input}, "
                f"from {report['origin']}: give another --data_dir or remove that one"
            )

    def _input_sha256(self) -> str:
        return hashlib.sha256(self.input_bytes()).hexdigest()

    def _info(self) -> tfds.core.DatasetInfo:
        dataset = registry.get_dataset(self.name)
        features = {
            "id": tfds.features.Text(),
            "sequence": tfds.features.Tensor(shape=(), dtype=np.object_),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=dataset.description,
            homepage=dataset.homepage,
            citation=dataset.citation,
            license=dataset.license,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # pieces keep their order
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        source = self._source or self.read()
        report = {
            "dataset": self.name,
            "version": str(self.version),
            "input_sha256": self._input_sha256(),
            **source.report(),
        }
        # In the folder that appears under its own name once all is written.
        path = os.path.join(self.data_dir, REPORT_NAME)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
        return {
            split: self._generate_examples(pieces)
            for split, pieces in source.pieces.items()
        }

    def _generate_examples(self, pieces: dict[str, Any]) -> Iterator:
        for index, (name, sequence) in enumerate(pieces.items()):
            yield index, {"id": name, "sequence": sequence.SerializeToString()}
