"""A split as ids: what the training pipeline and the evaluation read."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfmusic.datasets import registry
from tfmusic.datasets.progress import with_progress
from tfmusic.datasets.source import SPLITS
from tfmusic.datasets.workers import Workers
from tfmusic.errors import UserError
from tfmusic.files import locked
from tfmusic.quiet import import_tensorflow
from tfmusic.tokenizers import Tokenizer, tokenizer_from_json

if TYPE_CHECKING:
    from tfmusic.datasets.piece_builder import PieceBuilder


@dataclasses.dataclass(frozen=True)
class Pieces:
    """The ids of the pieces of one split, one piece after the other.

    Attributes:
        ids: `[num_tokens]`, the music's tokens only: no BOS, no EOS; uint16 where that
            suffices.
        offsets: int64 `[num_pieces + 1]`: piece i is `ids[offsets[i]:offsets[i + 1]]`.
        names: the id of each piece.
        num_notes: int64 `[num_pieces]`, notes of each piece's NoteSequence.
        seconds: float64 `[num_pieces]`, total time of each piece.
        skipped: the reason for each piece that the tokenizer has no ids for.
        unfinished: bool `[num_pieces]`, pieces that go on behind their last token, so
            that no EOS follows it; None where all are whole.
    """

    ids: np.ndarray
    offsets: np.ndarray
    names: list[str]
    num_notes: np.ndarray
    seconds: np.ndarray
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    unfinished: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_tokens(self) -> int:
        return len(self.ids)

    def piece(self, index: int) -> np.ndarray:
        """int32 `[T]`: the ids of one piece."""
        ids = self.ids[self.offsets[index] : self.offsets[index + 1]]
        return ids.astype(np.int32)

    def take(self, indices: Sequence[int]) -> Pieces:
        """The pieces of these numbers, in this order."""
        ids = [self.ids[self.offsets[i] : self.offsets[i + 1]] for i in indices]
        return Pieces(
            ids=np.concatenate([self.ids[:0], *ids]),
            offsets=np.cumsum([0, *map(len, ids)], dtype=np.int64),
            names=[self.names[index] for index in indices],
            num_notes=self.num_notes[indices],
            seconds=self.seconds[indices],
            unfinished=None if self.unfinished is None else self.unfinished[indices],
        )

    def followed_by(self, others: Pieces) -> Pieces:
        """These pieces, and behind them the others."""

        def is_unfinished(pieces):
            if pieces.unfinished is None:
                return np.zeros(len(pieces), bool)
            return pieces.unfinished

        both = self, others
        return Pieces(
            ids=np.concatenate([pieces.ids for pieces in both]),
            offsets=np.append(self.offsets, self.offsets[-1] + others.offsets[1:]),
            names=self.names + others.names,
            num_notes=np.concatenate([pieces.num_notes for pieces in both]),
            seconds=np.concatenate([pieces.seconds for pieces in both]),
            unfinished=np.concatenate([is_unfinished(pieces) for pieces in both]),
        )

    def spread(self, count: int) -> Pieces:
        """So many of the pieces, from all over the split, or itself if it has fewer."""
        if count >= len(self):
            return self
        return self.take(np.arange(count) * len(self) // count)

    @property
    def sha256(self) -> str:
        """Tells whether two splits hold the same ids: 64 hexadecimal digits."""
        return hashlib.sha256(self.ids.astype("<i4").tobytes()).hexdigest()

    def save(self, path: str) -> None:
        """Writes an .npz that needs no pickle."""
        np.savez(
            path,
            ids=self.ids,
            offsets=self.offsets,
            names=np.array(self.names, np.str_),
            num_notes=self.num_notes,
            seconds=self.seconds,
            skipped=np.array(json.dumps(self.skipped)),
            **({} if self.unfinished is None else {"unfinished": self.unfinished}),
        )

    @classmethod
    def load(cls, path: str) -> Pieces:
        """Reads what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            arrays = dict(data)
        arrays["names"] = arrays["names"].tolist()
        arrays["skipped"] = json.loads(str(arrays["skipped"]))
        return cls(**arrays)


@dataclasses.dataclass(frozen=True)
class EncodingTask:
    """A piece, and the tokenizer that it goes to.

    Attributes:
        data: the serialized NoteSequence.
        tokenizer: its JSON.
    """

    data: bytes
    tokenizer: str


def encode(task: EncodingTask) -> tuple[np.ndarray, int, float]:
    """The ids of a piece, its number of notes and its seconds, in whatever process.

    Raises:
        UserError: the tokenizer has no ids for it.
    """
    from tfmusic.music.note_sequence import NoteSequence

    sequence = NoteSequence.FromString(task.data)
    tokenizer = _tokenizer(task.tokenizer)
    ids = np.asarray(tokenizer.encode(sequence)).astype(id_dtype(tokenizer))
    has_pitch = tokenizer.pitched[ids].any()
    # Drums have no pitch, so that only a decoding tells whether they were lost.
    if sequence.notes and not has_pitch and not tokenizer.decode(ids)[0].notes:
        raise UserError(
            f"none of its {len(sequence.notes)} notes has an id: choose another "
            "tokenizer, or its options"
        )
    return ids, len(sequence.notes), sequence.total_time


_tokenizer = functools.lru_cache(maxsize=4)(tokenizer_from_json)


def id_dtype(tokenizer: Tokenizer) -> np.dtype:
    """The smallest type for a tokenizer's ids: large data sets stay in memory."""
    return np.dtype(np.uint16 if tokenizer.vocabulary.size <= 2**16 else np.int32)


def tokenize(
    builder: PieceBuilder, tokenizer: Tokenizer, workers: Workers
) -> dict[str, Pieces]:
    """The ids of all splits of a prepared set, in the order of its shards.

    Args:
        builder: prepared.
        tokenizer: makes the ids.
        workers: that encode.

    Raises:
        UserError: the tokenizer has no ids for any of a split's pieces.
    """
    import_tensorflow()
    names: list[tuple[str, str]] = []  # split and name of each piece
    text = tokenizer.to_json()

    def tasks():
        for split in SPLITS:
            for name, data in builder.examples(split):
                names.append((split, name))
                yield EncodingTask(data, text)

    total = builder.info.splits.total_num_examples
    results = workers.run("tfmusic.datasets.pieces:encode", tasks())
    results = with_progress(results, "pieces encoded", builder.log, total)
    encoded: dict[str, dict] = {split: {} for split in SPLITS}
    skipped: dict[str, dict[str, str]] = {split: {} for split in SPLITS}
    for index, result in enumerate(results):
        split, name = names[index]
        if isinstance(result, UserError):
            skipped[split][name] = str(result)
        else:
            encoded[split][name] = result
    for split, reasons in skipped.items():
        if reasons and not encoded[split]:
            name, reason = next(iter(reasons.items()))
            raise UserError(
                f"tokenizer {tokenizer.name} can't encode any piece of {builder.name} "
                f"{split}; {name}: {reason}"
            )
    return {
        split: _pieces(encoded.pop(split), skipped[split], id_dtype(tokenizer))
        for split in SPLITS
    }


def _pieces(encoded: dict[str, tuple], skipped: dict[str, str], dtype) -> Pieces:
    """The pieces of a split, of what `encode` gave for each name."""
    ids = [piece[0] for piece in encoded.values()]
    return Pieces(
        ids=np.concatenate([np.empty(0, dtype), *ids]),
        offsets=np.cumsum([0, *map(len, ids)], dtype=np.int64),
        names=list(encoded),
        num_notes=np.array([piece[1] for piece in encoded.values()], np.int64),
        seconds=np.array([piece[2] for piece in encoded.values()], np.float64),
        skipped=skipped,
    )


def write_pieces(
    builder: PieceBuilder, tokenizer: Tokenizer, workers: Workers
) -> dict[str, Any]:
    """Writes the ids of all splits beside the shards, unless they are there.

    They are in a folder named by the tokenizer's hash: an .npz a split,
    tokenizer.json and report.json. The folder appears at once, complete.

    Args:
        builder: prepared.
        tokenizer: makes the ids.
        workers: that encode.

    Returns:
        The report: the shards' report and what the ids add to it.

    Raises:
        UserError: the tokenizer has no ids for any piece of a split; the folder
            can't be written to.
    """
    folder = _pieces_dir(builder, tokenizer)
    if not os.path.isdir(folder):
        # Beside the folder of the shards, so that it holds what is complete only.
        above, version = os.path.split(os.fspath(builder.data_dir))
        with locked(os.path.join(above, f".{version}.lock")):
            if not os.path.isdir(folder):  # else another process was first
                incomplete = os.path.join(above, f".{version}.tokens")
                shutil.rmtree(incomplete, ignore_errors=True)
                try:
                    os.mkdir(incomplete)
                    _write_pieces(builder, tokenizer, incomplete, workers)
                    os.rename(incomplete, folder)
                except OSError as error:
                    reason = error.strerror or error
                    raise UserError(f"cannot write {folder}: {reason}") from error
                finally:
                    shutil.rmtree(incomplete, ignore_errors=True)
    with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
        return {**json.load(file), "tokens_dir": folder}


def load_pieces(
    name: str,
    split: str,
    tokenizer: Tokenizer,
    data_dir: str,
    input: str | None = None,
) -> Pieces:
    """The ids of a split, from the files beside its shards.

    What isn't prepared yet is prepared, with a line of progress on stderr.

    Args:
        name: one of `registry.DATASETS`.
        split: train, validation or test.
        tokenizer: makes the ids.
        data_dir: where prepared data is kept.
        input: the user's file, folder or zip, for sets that need one.

    Raises:
        UserError: no such set or split; a set that needs its input has not been
            prepared and none is given.
    """
    if split not in SPLITS:
        raise UserError(f"no split is named {split!r}: choose from {', '.join(SPLITS)}")
    report = registry.prepare(name, data_dir, input, tokenizer)
    return Pieces.load(os.path.join(report["tokens_dir"], f"{split}.npz"))


def _pieces_dir(builder: PieceBuilder, tokenizer: Tokenizer) -> str:
    return os.path.join(builder.data_dir, f"tokens-{tokenizer.hash}")


def _write_pieces(
    builder: PieceBuilder, tokenizer: Tokenizer, folder: str, workers: Workers
) -> None:
    report = builder.report()
    report["tokenizer"] = {"name": tokenizer.name, "hash": tokenizer.hash}
    for split, pieces in tokenize(builder, tokenizer, workers).items():
        pieces.save(os.path.join(folder, f"{split}.npz"))
        report["splits"][split] |= {
            "tokens": pieces.num_tokens,
            "ids_sha256": pieces.sha256,
            "not_encoded": pieces.skipped,
        }
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        file.write(tokenizer.to_json())
    with open(os.path.join(folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
