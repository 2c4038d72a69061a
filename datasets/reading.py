"""Reads the items of a data set, in several processes, keeping what is done.

What was read lies in a folder, so many items a file, each of which appears when it is
complete. Reading that was killed goes on behind the last of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import pickle
import shutil
from collections.abc import Iterator, Sequence

from tfmusic.datasets.progress import Log, with_progress
from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.datasets.workers import Workers, find_function
from tfmusic.errors import UserError
from tfmusic.files import atomic_path, write_text
from tfmusic.music.limits import Limits

ITEMS_PER_FILE = 16
STATE = "reading.json"


@dataclasses.dataclass(frozen=True)
class ReadPiece:
    """A piece as a reading process gives it: bytes, and what is to be known of them.

    Attributes:
        name, split, group: see `Piece`.
        digest: equal for pieces of equal notes; None where nobody asks.
        num_notes: in it.
        seconds: its total time.
        data: the serialized NoteSequence.
    """

    name: str
    split: str | None
    group: str
    digest: str | None
    num_notes: int
    seconds: float
    data: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of an item: its pieces, or the reason why it was skipped."""

    item: str
    pieces: tuple[ReadPiece, ...] = ()
    reason: str | None = None

    def with_data(self, data: Sequence[bytes]) -> Outcome:
        """With other bytes for its pieces."""
        pieces = tuple(
            dataclasses.replace(piece, data=each)
            for piece, each in zip(self.pieces, data, strict=True)
        )
        return dataclasses.replace(self, pieces=pieces)

    def without_data(self) -> Outcome:
        """What is to be known of the pieces, which takes little memory."""
        return self.with_data([b""] * len(self.pieces))


@dataclasses.dataclass(frozen=True)
class Task:
    """An item, who reads it, and how much it may take.

    Attributes:
        reader: see `Reading`.
        item: to be read.
        limits: of reading it.
        compare: whether pieces need a digest.
    """

    reader: str
    item: Item
    limits: Limits
    compare: bool = True


def read_item(task: Task) -> tuple[ReadPiece, ...]:
    """Reads one item, in whatever process.

    Raises:
        UserError: it has to be skipped; the message is the reason.
    """
    # Imported before the clock runs: it takes longer than most files.
    importlib.import_module("tfmusic.music.note_sequence")
    reader = find_function(task.reader)
    with task.limits.enforced(task.item.name):
        return tuple(_summary(piece, task.compare) for piece in reader(task.item))


def _summary(piece: Piece, compare: bool) -> ReadPiece:
    from tfmusic.music.note_arrays import digest

    return ReadPiece(
        name=piece.name,
        split=piece.split,
        group=piece.group or piece.name,
        digest=digest(piece.sequence) if compare else None,
        num_notes=len(piece.sequence.notes),
        seconds=piece.sequence.total_time,
        data=piece.sequence.SerializeToString(deterministic=True),
    )


class Reading:
    """The reading of a listing into a folder.

    Args:
        listing: what is to be read.
        reader: `module:name` of a function of an `Item`, that returns `Piece`s.
        folder: where what was read is kept.
        key: tells this reading from another of the same folder, which is discarded.
        limits: of each item.
        compare: whether pieces need a digest.
    """

    def __init__(
        self,
        listing: Listing,
        reader: str,
        folder: str,
        key: str,
        limits: Limits,
        compare: bool = True,
    ):
        self.listing = listing
        self._reader = reader
        self._folder = folder
        self._limits = limits
        self._compare = compare
        state = [key, reader, ITEMS_PER_FILE, dataclasses.astuple(limits)]
        state += [dataclasses.astuple(item) for item in listing.items]
        text = json.dumps(state)
        self._state = hashlib.sha256(text.encode()).hexdigest() + "\n"

    def run(self, name: str, log: Log, workers: Workers) -> None:
        """Reads what is not read yet.

        Args:
            name: of the data set, for the user.
            log: called with each line of progress.
            workers: that read.

        Raises:
            UserError: the folder can't be written to.
        """
        done = self._resume()
        items = self.listing.items
        num_files = -(-len(items) // ITEMS_PER_FILE)
        unit = self.listing.unit
        rest = items[done * ITEMS_PER_FILE :]
        from_ = f", {len(items) - len(rest)} of them read before" if done else ""
        log(f"{name}: reading {len(items)} {unit} of {self.listing.origin}{from_}")
        tasks = (Task(self._reader, item, self._limits, self._compare) for item in rest)
        seconds = None
        if self._limits.seconds:  # for what the limits could not stop
            seconds = 3 * self._limits.seconds + 30
        results = workers.run("tfmusic.datasets.reading:read_item", tasks, seconds)
        results = with_progress(
            results, f"{unit} read", log, len(items), len(items) - len(rest)
        )
        outcomes = _outcomes(rest, results)
        for index in range(done, num_files):
            chunk = [
                next(outcomes)
                for _ in items[index * ITEMS_PER_FILE : (index + 1) * ITEMS_PER_FILE]
            ]
            with atomic_path(self._path(index)) as path, open(path, "wb") as file:
                # What is to be known comes first: it is read alone, and often.
                pickle.dump([outcome.without_data() for outcome in chunk], file)
                data = [[piece.data for piece in outcome.pieces] for outcome in chunk]
                pickle.dump(data, file, pickle.HIGHEST_PROTOCOL)

    def outcomes(self, data: bool = True) -> Iterator[Outcome]:
        """What became of each item, in order, once `run` has ended.

        Args:
            data: whether with the music.
        """
        for index in range(-(-len(self.listing.items) // ITEMS_PER_FILE)):
            with open(self._path(index), "rb") as file:
                chunk = pickle.load(file)
                if data:
                    with_data = zip(chunk, pickle.load(file), strict=True)
                    chunk = [outcome.with_data(music) for outcome, music in with_data]
            yield from chunk

    def _resume(self) -> int:
        """The number of files that are there; those of another reading are removed."""
        path = os.path.join(self._folder, STATE)
        try:
            with open(path, encoding="utf-8") as file:
                is_same = file.read() == self._state
        except OSError:
            is_same = False
        if not is_same:
            shutil.rmtree(self._folder, ignore_errors=True)
            write_text(path, self._state)
        done = 0
        while self._is_complete(done):
            done += 1
        return done

    def _is_complete(self, index: int) -> bool:
        """Whether a file is there, and not empty as a power cut may leave it."""
        path = self._path(index)
        return os.path.isfile(path) and os.path.getsize(path) > 0

    def _path(self, index: int) -> str:
        return os.path.join(self._folder, f"{index:06d}.pickle")


def _outcomes(items: list[Item], results: Iterator) -> Iterator[Outcome]:
    for item, result in zip(items, results, strict=True):
        if isinstance(result, UserError):
            yield Outcome(item.name, reason=str(result))
        else:
            yield Outcome(item.name, pieces=result)
