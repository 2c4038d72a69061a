"""What the tensorflow-datasets builders of this package have in common."""

import abc
import contextlib
import dataclasses
import functools
import glob
import hashlib
import io
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

import tfmusic
from tfmusic.datasets import arrangement, registry
from tfmusic.datasets.example_writer import StableExampleWriter
from tfmusic.datasets.input_files import list_sizes, read_file
from tfmusic.datasets.progress import Log, print_line
from tfmusic.datasets.reading import Outcome, Reading
from tfmusic.datasets.source import SPLITS, Listing
from tfmusic.datasets.tables import find_file
from tfmusic.datasets.workers import Workers
from tfmusic.errors import UserError
from tfmusic.files import check_writable, locked
from tfmusic.music.limits import Limits
from tfmusic.quiet import import_tensorflow

REPORT_NAME = "report.json"


@dataclasses.dataclass(frozen=True)
class Work:
    """How preparing is done.

    Attributes:
        limits: of reading each item.
        num_workers: processes; by default as many as there are cores.
        runner: of Apache Beam, such as "DirectRunner" or "DataflowRunner"; by default
            Beam is not used.
        runner_options: of Beam, such as "--num_workers=20".
    """

    limits: Limits = Limits()
    num_workers: int | None = None
    runner: str | None = None
    runner_options: tuple[str, ...] = ()


class PieceBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Shards of pieces, each an `id` and a serialized NoteSequence (`sequence`).

    A subclass says what there is to read, `list_items`, and who reads it, `reader`.
    Reading goes on in several processes, or on Apache Beam; where it was killed, the
    next one goes on behind what was read. The report of it is written as
    `report.json` beside the shards.

    Args:
        input: the user's file, folder or zip; None for a set that needs none.
        log: called with each line of progress.
        **kwargs: tensorflow-datasets' own, such as `data_dir` and `config`.

    Attributes:
        reader: `module:name` of a function of an `Item` that returns `Piece`s and
            raises a UserError where the item must be skipped. Other processes call
            it: its module should be quick to import.
        arranger: `module:name` of a function of `ReadPiece`s that returns their
            `Arrangement`; by default their own splits, or by a hash of their groups.
        compares_notes: whether the arranger looks at the digests of pieces.
        arranges_music: whether it looks at the music itself, so that all of it has
            to fit into memory.
    """

    reader: str
    arranger = "tfmusic.datasets.arrangement:by_group"
    compares_notes = False
    arranges_music = False

    def __init__(self, *, input: str | None = None, log: Log = print_line, **kwargs):
        super().__init__(**kwargs)
        self.input = input
        self.log = log
        # What was read for the shards that are being written.
        self._reading: Reading | None = None
        self._arranged: arrangement.Arrangement | None = None
        self._report: dict[str, Any] = {}

    @abc.abstractmethod
    def list_items(self) -> Listing:
        """Says what is to be read, without reading much.

        Raises:
            UserError: it is missing or not what was expected.
        """

    def input_bytes(self) -> bytes:
        """What tells one input from another: by default names and sizes of its files.

        Raises:
            UserError: the input is missing or can't be read.
        """
        if self.input is None:
            return b""
        return json.dumps(list_sizes(self.input)).encode()

    def prepare(self, work: Work | None = None, workers: Workers | None = None) -> None:
        """Writes the shards, unless they are there. Nothing is downloaded.

        Args:
            work: how; by default as `Work` is.
            workers: that read; by default of this call's own.

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
            name = registry.full_name(self)
            command = f"python -m tfmusic.prepare --dataset={name} --input=PATH"
            folder = shlex.quote(str(self.data_dir_root))
            raise UserError(
                f"{name} has not been prepared: run {command} --data_dir={folder}"
            )
        check_writable(self.data_dir_root)
        listing = self.list_items()
        if not listing.items:
            raise UserError(f"{listing.origin} holds nothing to read")
        work = work or Work()
        with (
            locked(self._beside("lock")),
            contextlib.nullcontext(workers)
            if workers
            else Workers(work.num_workers) as workers,
        ):
            if not self._has_shards():  # else another process was first
                self._remove_leftovers()
                try:
                    self._prepare(listing, work, workers)
                except UserError:
                    self._remove_traces()
                    raise
        # Read again, as another process may have been first.
        self.info.read_from_directory(self.data_dir)

    def report(self) -> dict[str, Any]:
        """The report of the files that the shards were made from."""
        with open(os.path.join(self.data_dir, REPORT_NAME), encoding="utf-8") as file:
            return json.load(file)

    def examples(self, split: str) -> Iterator[tuple[str, bytes]]:
        """Name and serialized NoteSequence of each prepared piece, in order."""
        config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        dataset = self.as_dataset(split=split, read_config=config)
        for example in dataset.as_numpy_iterator():
            yield example["id"].decode(), example["sequence"]

    def _prepare(self, listing: Listing, work: Work, workers: Workers) -> None:
        tfds.disable_progress_bar()
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        if work.runner:
            from tfmusic.datasets import beam_reading

            self.log(
                f"{self.name}: reading {len(listing.items)} {listing.unit} of "
                f"{listing.origin} on Apache Beam's {work.runner}"
            )
            beam_reading.configure(config, work.runner, work.runner_options)
            # What tensorflow-datasets calls, and looks at for an argument `pipeline`.
            self._split_generators = functools.partial(
                beam_reading.split_generators, self, listing, work.limits
            )
        else:
            self._read(listing, work, workers)
        import_tensorflow()
        import tensorflow as tf

        try:
            with (
                tempfile.TemporaryDirectory() as unused,
                contextlib.redirect_stdout(io.StringIO()),
            ):
                self.download_and_prepare(download_dir=unused, download_config=config)
        except Exception as error:
            # tensorflow-datasets may wrap what TensorFlow raises where a disk is full.
            cause = error.__cause__ if isinstance(error, RuntimeError) else error
            if not isinstance(cause, (OSError, tf.errors.OpError)):
                raise
            reason = getattr(cause, "strerror", None) or cause
            raise UserError(f"cannot write {self.data_dir}: {reason}") from error
        finally:
            self._reading = self._arranged = None
            vars(self).pop("_split_generators", None)
        shutil.rmtree(self._beside("reading"), ignore_errors=True)

    def _read(self, listing: Listing, work: Work, workers: Workers) -> None:
        """Reads all items into a folder, from which shards are made then."""
        folder = self._beside("reading")
        identity = self.identity()  # now: the input may change while it is read
        reading = Reading(
            listing,
            self.reader,
            folder,
            f"{tfmusic.__version__} {json.dumps(identity)}",
            work.limits,
            self.compares_notes,
        )
        reading.run(self.name, self.log, workers)
        pieces = [
            piece
            for outcome in reading.outcomes(data=self.arranges_music)
            for piece in outcome.pieces
        ]
        arranged = arrangement.arrange(self.arranger, pieces)
        counts = arrangement.report(listing, reading.outcomes(data=False), arranged)
        try:
            arrangement.check_splits(counts)
        except UserError:  # what was read is of no use
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._reading, self._arranged = reading, arranged
        self._report = {**identity, **counts}

    def _has_shards(self) -> bool:
        return os.path.isfile(os.path.join(self.data_dir, "dataset_info.json"))

    def _beside(self, what: str) -> str:
        """A hidden place beside the folder of the shards."""
        folder, version = os.path.split(os.fspath(self.data_dir))
        return os.path.join(folder, f".{version}.{what}")

    def _remove_leftovers(self) -> None:
        """Removes what preparing left that was killed; what was read stays."""
        folder, version = os.path.split(os.fspath(self.data_dir))
        # tensorflow-datasets' name for what it writes.
        for path in glob.glob(f"{glob.escape(folder)}/incomplete.*_{version}"):
            shutil.rmtree(path, ignore_errors=True)

    def _remove_traces(self) -> None:
        """Removes the lock, and its folders where they hold nothing else."""
        with contextlib.suppress(OSError):
            os.remove(self._beside("lock"))
            os.removedirs(os.path.dirname(self._beside("lock")))

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

    def _example_writer(self) -> StableExampleWriter:
        return StableExampleWriter(file_format=self.info.file_format)

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
        if self._reading is None:  # whoever calls this has not called `prepare`
            with Workers() as workers:
                self._read(self.list_items(), Work(), workers)
        # In the folder that appears under its own name once all is written.
        path = os.path.join(self.data_dir, REPORT_NAME)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self._report, file, indent=2)
        return {
            split: _examples(self._reading.outcomes(), self._arranged.splits, split)
            for split in SPLITS
        }

    def _checksums(self) -> dict[str, str]:
        """SHA-256 of the files whose published ones are known, where they are there.

        A line warns of one that is another.
        """
        found = {}
        if self.input is None:
            return found
        for name, published in registry.get_dataset(self.name).checksums.items():
            if file := find_file(self.input, name):
                content = read_file(self.input, file)
                found[name] = hashlib.sha256(content).hexdigest()
                if found[name] != published:
                    self.log(f"{self.name}: {file} is not as it was published")
        return found

    def identity(self) -> dict[str, Any]:
        """The head of the report: what was prepared."""
        return {
            "dataset": registry.full_name(self),
            "version": str(self.version),
            "input_sha256": self._input_sha256(),
            "checksums": self._checksums(),
        }

    def _generate_examples(self) -> Iterator:
        raise NotImplementedError  # the splits have generators of their own


def _examples(
    outcomes: Iterator[Outcome], splits: dict[str, str], split: str
) -> Iterator:
    """The examples of a split, in order."""
    index = 0
    for outcome in outcomes:
        for piece in outcome.pieces:
            if splits.get(piece.name) == split:
                yield index, {"id": piece.name, "sequence": piece.data}
                index += 1
