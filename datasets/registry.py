"""The data sets by name, and how one is prepared."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from tfmusic.datasets.catalog import DATASETS, Dataset
from tfmusic.datasets.progress import Log, print_line
from tfmusic.errors import UserError

if TYPE_CHECKING:
    from tfmusic.datasets.piece_builder import PieceBuilder, Work
    from tfmusic.tokenizers import Tokenizer

DEFAULT_DATA_DIR = os.environ.get(
    "TFMUSIC_DATA_DIR", os.path.join(os.path.expanduser("~"), ".cache", "tfmusic")
)


def get_dataset(name: str) -> Dataset:
    """What is known of a data set.

    Args:
        name: one of DATASETS, with or without one of its configs: `maestro/v2.0.0`.

    Raises:
        UserError: there is none of this name.
    """
    name, _, config = name.partition("/")
    if name not in DATASETS:
        raise UserError(f"no data set is named {name!r}: choose from {known_names()}")
    configs = DATASETS[name].configs
    if config and config not in configs:
        choices = ", ".join(f"{name}/{known}" for known in configs) or name
        raise UserError(f"{name} has no config {config!r}: choose from {choices}")
    return DATASETS[name]


def known_names() -> str:
    """The data sets and their configs, for the user."""
    names = []
    for name, dataset in sorted(DATASETS.items()):
        names += [f"{name}/{config}" for config in dataset.configs] or [name]
    return ", ".join(names)


def get_builder(
    name: str, data_dir: str, input: str | None = None, log: Log = print_line
) -> PieceBuilder:
    """The tensorflow-datasets builder of a set, prepared or not.

    Args:
        name: see `get_dataset`; without a config it is the first.
        data_dir: where prepared data is kept.
        input: the user's file, folder or zip, for sets that need one.
        log: called with each line of progress.

    Raises:
        UserError: there is none of this name.
    """
    module, _, class_name = get_dataset(name).builder.partition(":")
    builder_class = getattr(importlib.import_module(module), class_name)
    config = name.partition("/")[2] or None
    data_dir = os.path.expanduser(data_dir)
    input = input and os.path.expanduser(input)
    return builder_class(config=config, data_dir=data_dir, input=input, log=log)


def full_name(builder: PieceBuilder) -> str:
    """The name that `get_builder` takes, with the config if there is one."""
    config = builder.builder_config
    return f"{builder.name}/{config.name}" if config else builder.name


def prepare(
    name: str,
    data_dir: str,
    input: str | None = None,
    tokenizer: Tokenizer | None = None,
    log: Log = print_line,
    work: Work | None = None,
) -> dict[str, Any]:
    """Reads a data set's files into shards and token files, unless they are there.

    Args:
        name: see `get_builder`.
        data_dir: where prepared data is kept.
        input: the user's file, folder or zip, for sets that need one.
        tokenizer: makes the ids; the set's own by default.
        log: called with each line of progress.
        work: how it is done.

    Returns:
        The report, also kept as report.json beside the token files: files given, read
        and skipped, duplicates removed, groups of kin, and the pieces, notes, seconds
        and tokens of each split.

    Raises:
        UserError: no such set; its input is not given or not what was expected; the
            folder can't be written to.
    """
    from tfmusic.datasets import pieces
    from tfmusic.datasets.piece_builder import Work
    from tfmusic.datasets.workers import Workers
    from tfmusic.tokenizers import get_tokenizer

    tokenizer = tokenizer or get_tokenizer(get_dataset(name).tokenizer)
    work = work or Work()
    builder = get_builder(name, data_dir, input, log)
    with Workers(work.num_workers) as workers:
        builder.prepare(work, workers)
        return pieces.write_pieces(builder, tokenizer, workers)
