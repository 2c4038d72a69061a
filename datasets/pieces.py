"""A split as ids: what the training pipeline and the evaluation read."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from tfmusic.datasets import registry
from tfmusic.datasets.source import SPLITS
from tfmusic.errors import UserError
from tfmusic.quiet import import_tensorflow
from tfmusic.tokenizers import Tokenizer

if TYPE_CHECKING:
    from tfmusic.datasets.piece_builder import PieceBuilder


@dataclasses.dataclass(frozen=True)
class Pieces:
    """The ids of the pieces of one split, one piece after the other.

    Attributes:
        ids: int32 `[num_tokens]`, the music's tokens only: no BOS, no EOS.
        offsets: int64 `[num_pieces + 1]`: piece i is `ids[offsets[i]:offsets[i + 1]]`.
        names: the id of each piece.
        num_notes: int64 `[num_pieces]`, notes of each piece's NoteSequence.
        seconds: float64 `[num_pieces]`, total time of each piece.
        skipped: the reason for each piece that the tokenizer has no ids for.
    """

    ids: np.ndarray
    offsets: np.ndarray
    names: list[str]
    num_notes: np.ndarray
    seconds: np.ndarray
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_tokens(self) -> int:
        return len(self.ids)

    def piece(self, index: int) -> np.ndarray:
        """int32 `[T]`: the ids of one piece."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def save(self, path: str) -> None:
        """Writes an .npz that needs no pickle."""
        np.savez_compressed(
            path,
            ids=self.ids,
            offsets=self.offsets,
            names=np.array(self.names, np.str_),
            num_notes=self.num_notes,
            seconds=self.seconds,
            skipped=np.array(json.dumps(self.skipped)),
        )

    @classmethod
    def load(cls, path: str) -> Pieces:
        """Reads what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            arrays = dict(data)
        arrays["names"] = arrays["names"].tolist()
        arrays["skipped"] = json.loads(str(arrays["skipped"]))
        return cls(**arrays)


def tokenize(builder: PieceBuilder, split: str, tokenizer: Tokenizer) -> Pieces:
    """The ids of a prepared split, in the order of its shards.

    Raises:
        UserError: the tokenizer has no ids for any of its pieces.
    """
    import_tensorflow()
    import tensorflow_datasets as tfds

    from tfmusic.music.note_sequence import NoteSequence

    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    examples = builder.as_dataset(split=split, read_config=config)
    ids, names, num_notes, seconds, skipped = [], [], [], [], {}
    for example in examples.as_numpy_iterator():
        name = example["id"].decode()
        sequence = NoteSequence.FromString(example["sequence"])
        try:
            ids.append(np.asarray(tokenizer.encode(sequence), np.int32))
        except UserError as error:
            skipped[name] = str(error)
            continue
        names.append(name)
        num_notes.append(len(sequence.notes))
        seconds.append(sequence.total_time)
    if skipped and not names:
        name, reason = next(iter(skipped.items()))
        raise UserError(
            f"tokenizer {tokenizer.name} can't encode any piece of {builder.name} "
            f"{split}; {name}: {reason}"
        )
    return Pieces(
        ids=np.concatenate([np.empty(0, np.int32), *ids]),
        offsets=np.cumsum([0, *map(len, ids)], dtype=np.int64),
        names=names,
        num_notes=np.array(num_notes, np.int64),
        seconds=np.array(seconds, np.float64),
        skipped=skipped,
    )


def write_pieces(builder: PieceBuilder, tokenizer: Tokenizer) -> dict[str, Any]:
    """Writes the ids of all splits beside the shards, unless they are there.

    They are in a folder named by the tokenizer's hash: an .npz a split,
    tokenizer.json and report.json. The folder appears at once, complete.

    Args:
        builder: prepared.
        tokenizer: makes the ids.

    Returns:
        The report: the shards' report and what the ids add to it.

    Raises:
        UserError: the tokenizer has no ids for any piece of a split; the folder
            can't be written to.
    """
    folder = _pieces_dir(builder, tokenizer)
    try:
        if not os.path.isdir(folder):
            with tempfile.TemporaryDirectory(
                prefix=".tokens-", dir=builder.data_dir
            ) as scratch:
                complete = os.path.join(scratch, "complete")
                os.mkdir(complete)
                _write_pieces(builder, tokenizer, complete)
                # Where another process was first, its folder stays.
                with contextlib.suppress(FileExistsError, IsADirectoryError):
                    os.rename(complete, folder)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {folder}: {reason}") from error
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


def _write_pieces(builder: PieceBuilder, tokenizer: Tokenizer, folder: str) -> None:
    report = builder.report()
    report["tokenizer"] = {"name": tokenizer.name, "hash": tokenizer.hash}
    for split in SPLITS:
        pieces = tokenize(builder, split, tokenizer)
        pieces.save(os.path.join(folder, f"{split}.npz"))
        report["splits"][split] |= {
            "tokens": pieces.num_tokens,
            "not_encoded": pieces.skipped,
        }
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        file.write(tokenizer.to_json())
    with open(os.path.join(folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
