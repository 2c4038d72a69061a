"""The data sets by name, and how one is prepared."""

from __future__ import annotations

import dataclasses
import importlib
import os
from typing import TYPE_CHECKING, Any

from tfmusic.datasets.progress import Log, print_line
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
        description: one line.
        homepage: where it comes from.
        license: one line.
        citation: BibTeX.
    """

    builder: str
    tokenizer: str
    needs_input: bool
    description: str
    homepage: str
    license: str
    citation: str


DATASETS = {
    "bach_chorales": Dataset(
        builder="tfmusic.datasets.bach_chorales:BachChorales",
        tokenizer="chorale",
        needs_input=False,
        description="The four-part Bach chorales of music21's corpus.",
        homepage="https://github.com/cuthbertLab/music21",
        license="Music: public domain. Files: distributed in music21's corpus with "
        "the permission of their encoders.",
        citation="""@inproceedings{cuthbert2010music21,
  title = {music21: A Toolkit for Computer-Aided Musicology and Symbolic Music Data},
  author = {Cuthbert, Michael Scott and Ariza, Christopher},
  booktitle = {Proceedings of the 11th International Society for Music Information
    Retrieval Conference},
  year = {2010},
}""",
    ),
    "jsb_chorales": Dataset(
        builder="tfmusic.datasets.jsb_chorales:JsbChorales",
        tokenizer="chorale",
        needs_input=True,
        description="JSB Chorales: 382 Bach chorales on the grid of 16ths.",
        homepage="https://github.com/czhuang/JSB-Chorales-dataset",
        license="Music: public domain. File: its encoder states no license.",
        citation="""@inproceedings{boulanger2012modeling,
  title = {Modeling Temporal Dependencies in High-Dimensional Sequences: Application to
    Polyphonic Music Generation and Transcription},
  author = {Boulanger-Lewandowski, Nicolas and Bengio, Yoshua and Vincent, Pascal},
  booktitle = {Proceedings of the 29th International Conference on Machine Learning},
  year = {2012},
}""",
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
    name: str, data_dir: str, input: str | None = None, log: Log = print_line
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


def prepare(
    name: str,
    data_dir: str,
    input: str | None = None,
    tokenizer: Tokenizer | None = None,
    log: Log = print_line,
) -> dict[str, Any]:
    """Reads a data set's files into shards and token files, unless they are there.

    Args:
        name: one of DATASETS.
        data_dir: where prepared data is kept.
        input: the user's file, folder or zip, for sets that need one.
        tokenizer: makes the ids; the set's own by default.
        log: called with each line of progress.

    Returns:
        The report, also kept as report.json beside the token files: files given, read
        and skipped, duplicates removed, groups of kin, and the pieces, notes, seconds
        and tokens of each split.

    Raises:
        UserError: no such set; its input is not given or not what was expected; the
            folder can't be written to.
    """
    from tfmusic.datasets import pieces
    from tfmusic.tokenizers import get_tokenizer

    tokenizer = tokenizer or get_tokenizer(get_dataset(name).tokenizer)
    builder = get_builder(name, data_dir, input, log)
    builder.prepare()
    return pieces.write_pieces(builder, tokenizer)
