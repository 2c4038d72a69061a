"""The models that tfmusic comes with, by their names.

Each is a run's folder in `weights/`, without what only a training needs: settings, and
its best weights in float16. Beside them are report.json, which says how it was trained
and what it scores, and MODEL_CARD.md, made of it. `python -m tfmusic.ship` writes them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from tfmusic.errors import UserError

if TYPE_CHECKING:
    from tfmusic.datasets.pieces import Pieces
    from tfmusic.training.run import Run

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weights")
REPORT = "report.json"
DEFAULT = "chorales"  # makes music where no model is named
MAX_BYTES = 5 << 20  # of all files of a model


def from_pretrained(name: str = DEFAULT) -> Run:
    """A model that tfmusic comes with; nothing is downloaded.

    Args:
        name: such as "chorales".

    Returns:
        What `load_run` gives of a run of your own.

    Raises:
        UserError: there is none of this name, or its files are damaged.
    """
    from tfmusic.training.run import load_run

    return load_run(pretrained_folder(name))


def names() -> list[str]:
    """The names that `from_pretrained` takes."""
    from tfmusic.training.run import is_run

    found = sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else []
    return [name for name in found if is_run(os.path.join(FOLDER, name))]


def pretrained_folder(name: str) -> str:
    """Where a model that tfmusic comes with lies, its files checked.

    Raises:
        UserError: there is none of this name, or its files are damaged.
    """
    folder = _folder(name)
    for file, digest in read_report(name)["sha256"].items():
        path = os.path.join(folder, file)
        if not os.path.isfile(path) or file_sha256(path) != digest:
            raise UserError(f"{path} is damaged: install tfmusic again")
    return folder


def file_sha256(path: str) -> str:
    """The checksum of a file: 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder(name):
    if name not in names():
        raise UserError(
            f"no model named {name!r} comes with tfmusic; known: {', '.join(names())}"
        )
    return os.path.join(FOLDER, name)


def find_folder(model_dir: str, log: Callable[[str], None] = lambda line: None) -> str:
    """The run that a command's --model_dir means: a folder's, else one by its name.

    Args:
        model_dir: a run's folder, or a name.
        log: called with a line that says which it is, where it could be either.

    Returns:
        `model_dir`, unless that is a name and no run's folder.
    """
    from tfmusic.training.run import is_run

    if model_dir not in names():
        return model_dir
    if is_run(model_dir):
        log(
            f"{model_dir}: the run in {os.path.abspath(model_dir)}, not the model of "
            "this name that comes with tfmusic"
        )
        return model_dir
    log(f"{model_dir}: the model that comes with tfmusic")
    return pretrained_folder(model_dir)


def read_report(name: str) -> dict:
    """How a model that tfmusic comes with was trained, and what it scores.

    Raises:
        UserError: there is none of this name, or its report is damaged.
    """
    path = os.path.join(_folder(name), REPORT)
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: install tfmusic again") from error


def select_unseen(pieces: Pieces, name: str, dataset: str, split: str) -> Pieces:
    """Those of a split's pieces that share no passage with a model's training.

    Args:
        pieces: of the split.
        name: of a model that tfmusic comes with.
        dataset, split: what the pieces are.

    Raises:
        UserError: the model's report doesn't say which they are, or none is there.
    """
    from tfmusic.datasets.selection import select

    unseen = read_report(name)["unseen"]
    of_split = unseen.get(dataset, {}).get(split, {"pieces": ()})
    chosen = select(pieces, of_split["pieces"])
    if not len(chosen):
        known = ", ".join(f"{key} {part}" for key in unseen for part in unseen[key])
        raise UserError(
            f"no piece of {dataset} {split} is known to be new to {name}: choose from "
            f"{known}"
        )
    return chosen
