"""A split as ids: what the training pipeline and the evaluation read."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.datasets.source import SPLITS
from tfmusic.errors import UserError
from tfmusic.tokenizers import Tokenizer

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


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


def tokenize(
    builder: tfds.core.DatasetBuilder, split: str, tokenizer: Tokenizer
) -> Pieces:
    """The ids of a prepared split, in the order of its shards.

    Raises:
        UserError: the tokenizer has no ids for any of its pieces.
    """
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


def tokens_dir(builder: tfds.core.DatasetBuilder, tokenizer: Tokenizer) -> str:
    """The folder, beside the shards, of the ids that this tokenizer makes."""
    return os.path.join(str(builder.data_dir), f"tokens-{tokenizer.hash}")


def tokenize_all(builder: tfds.core.DatasetBuilder, tokenizer: Tokenizer) -> str:
    """Writes the ids of all splits beside the shards, unless they are there.

    Returns:
        The folder: `tokenizer.json` and an .npz a split. It appears at once, complete.
    """
    folder = tokens_dir(builder, tokenizer)
    if os.path.isdir(folder):
        return folder
    parent, name = os.path.split(folder)
    scratch = tempfile.mkdtemp(prefix=f".{name}.", dir=parent)
    try:
        for split in SPLITS:
            pieces = tokenize(builder, split, tokenizer)
            pieces.save(os.path.join(scratch, f"{split}.npz"))
        with open(
            os.path.join(scratch, "tokenizer.json"), "w", encoding="utf-8"
        ) as file:
            file.write(tokenizer.to_json())
        os.chmod(scratch, 0o755)
        os.replace(scratch, folder)
    except OSError:
        if not os.path.isdir(folder):  # else another process was first
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def load_pieces(
    name: str,
    split: str,
    tokenizer: Tokenizer,
    data_dir: str,
    input: str | None = None,
) -> Pieces:
    """The ids of a split, from the files beside its shards.

    A built-in set is prepared by itself if it isn't yet.

    Args:
        name: one of `registry.DATASETS`.
        split: train, validation or test.
        tokenizer: makes the ids.
        data_dir: where prepared data is kept.
        input: the user's file, folder or zip, for sets that need one.

    Raises:
        UserError: no such set or split, or a set that needs its `input` has not been
            prepared.
    """
    from tfmusic.datasets import registry

    if split not in SPLITS:
        raise UserError(f"no split is named {split!r}: choose from {', '.join(SPLITS)}")
    builder = registry.prepared_builder(name, data_dir, input, log=print)
    return Pieces.load(os.path.join(tokenize_all(builder, tokenizer), f"{split}.npz"))
