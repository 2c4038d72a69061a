"""The data sets by name, and how one is prepared."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfmusic.errors import UserError

if TYPE_CHECKING:
    from tfmusic.datasets.piece_builder import PieceBuilder
    from tfmusic.tokenizers import Tokenizer

DEFAULT_DATA_DIR = os.environ.get(
    "TFMUSIC_DATA_DIR", os.path.join(os.path.expanduser("~"), ".cache", "tfmusic")
)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """What is known of a data set before it is read.

    Attributes:
        builder: module and class of its builder, `module:Class`.
        tokenizer: name of the tokenizer that suits it.
        needs_input: whether the user gives the files by `--input`.
        licence: one line.
        citation: one line.
    """

    builder: str
    tokenizer: str
    needs_input: bool
    licence: str
    citation: str


DATASETS = {
    "bach_chorales": Dataset(
        builder="tfmusic.datasets.bach_chorales:BachChorales",
        tokenizer="chorale",
        needs_input=False,
        licence="music: public domain; files: as part of music21's corpus",
        citation="Cuthbert and Ariza, music21, ISMIR 2010",
    ),
    "jsb_chorales": Dataset(
        builder="tfmusic.datasets.jsb_chorales:JsbChorales",
        tokenizer="chorale",
        needs_input=True,
        licence="music: public domain; files: no licence stated",
        citation="Boulanger-Lewandowski, Bengio and Vincent, ICML 2012",
    ),
}


def get_dataset(name: str) -> Dataset:
    """A data set by name.

    Raises:
        UserError: there is none of this name.
    """
    if name not in DATASETS:
        known = ", ".join(sorted(DATASETS))
        raise UserError(f"no data set is named {name!r}: choose from {known}")
    return DATASETS[name]


def get_builder(
    name: str,
    data_dir: str,
    input: str | None = None,
    log: Callable[[str], None] | None = None,
) -> PieceBuilder:
    """The tensorflow-datasets builder of a set, prepared or not.

    Args:
        name: one of DATASETS.
        data_dir: where prepared data is kept.
        input: the user's file, folder or zip, for sets that need one.
        log: called with each line of progress.

    Raises:
        UserError: there is none of this name.
    """
    module, _, class_name = get_dataset(name).builder.partition(":")
    builder_class = getattr(importlib.import_module(module), class_name)
    return builder_class(data_dir=os.path.expanduser(data_dir), input=input, log=log)


def prepared_builder(
    name: str,
    data_dir: str,
    input: str | None = None,
    log: Callable[[str], None] | None = None,
) -> PieceBuilder:
    """The builder of a set, with its shards written if they were not.

    Raises:
        UserError: see `prepare`.
    """
    builder = get_builder(name, data_dir, input, log)
    builder.prepare()
    return builder


def prepare(
    name: str,
    data_dir: str,
    input: str | None = None,
    tokenizer: Tokenizer | None = None,
    log: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Reads a data set's files into shards and token files, unless they are there.

    Args:
        name: one of DATASETS.
        data_dir: where prepared data is kept.
        input: the user's file, folder or zip, for sets that need one.
        tokenizer: makes the ids; the set's own by default.
        log: called with each line of progress.

    Returns:
        The report: files given, read and skipped, duplicates removed, groups of kin,
        and pieces, notes, seconds and tokens of each split.

    Raises:
        UserError: no such set; its files are not given or not what was expected; the
            folder can't be written to.
    """
    from tfmusic.datasets import pieces
    from tfmusic.tokenizers import get_tokenizer

    tokenizer = tokenizer or get_tokenizer(get_dataset(name).tokenizer)
    builder = prepared_builder(name, data_dir, input, log)
    folder = pieces.tokenize_all(builder, tokenizer)
    report = builder.report()
    report["tokenizer"] = {"name": tokenizer.name, "hash": tokenizer.hash}
    report["tokens_dir"] = folder
    for split, counts in report["splits"].items():
        found = pieces.Pieces.load(os.path.join(folder, f"{split}.npz"))
        counts["tokens"] = found.num_tokens
        counts["not_encoded"] = found.skipped
    with open(os.path.join(folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
    return report
