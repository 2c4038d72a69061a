"""Reads the standard file of JSB Chorales, `Jsb16thSeparated`, from JSON or NPZ."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmusic.datasets.source import SPLITS, Item, Piece
from tfmusic.errors import UserError
from tfmusic.tokenizers.grid import REST, VOICES, grid_to_sequence

NAMES = ("Jsb16thSeparated.json", "Jsb16thSeparated.npz")
KEYS = ("train", "valid", "test")  # the file's names for SPLITS
HIGHEST_PITCH = 127
QPM = 120.0  # the data has no tempo


def find_file(path: str) -> tuple[str, bytes]:
    """The standard file that `path` is, or that the zip or folder `path` holds.

    Returns:
        Its name for messages, and its content.

    Raises:
        UserError: it isn't there or can't be read.
    """
    try:
        if os.path.isdir(path):
            return _find_in_folder(path)
        if path.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for name in NAMES:
                    for member in archive.namelist():
                        if os.path.basename(member) == name:
                            return os.path.join(path, member), archive.read(member)
            raise _not_found(path)
        with open(path, "rb") as file:
            return path, file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"cannot read {path}: {error}") from error


def parse_grids(data: bytes, label: str) -> dict[str, list[np.ndarray]]:
    """The pieces of each split.

    Args:
        data: the content of the .json or .npz file.
        label: names the file in messages.

    Returns:
        For train, validation and test, int32 `[steps, 4]` grids, -1 for rests.

    Raises:
        UserError: it isn't that data.
    """
    try:
        arrays = _load_npz(data) if data.startswith(b"PK") else json.loads(data)
        return {
            split: [_to_grid(piece) for piece in arrays[key]]
            for split, key in zip(SPLITS, KEYS, strict=True)
        }
    except Exception as error:  # bytes that are not the data fail in many ways
        raise UserError(
            f"{label} is not the JSB Chorales ({type(error).__name__}: {error}): "
            f"expected {' or '.join(NAMES)}, with pieces of [steps][{len(VOICES)}] "
            f"MIDI pitches under {', '.join(KEYS)}"
        ) from error


def read_chorales(item: Item) -> list[Piece]:
    """All pieces of the file at the item's location.

    Raises:
        UserError: it isn't there, or isn't that data.
    """
    label, data = find_file(*item.location)
    pieces = []
    for split, grids in parse_grids(data, label).items():
        for index, grid in enumerate(grids):
            name = f"{split}_{index:03d}"
            sequence = grid_to_sequence(grid, QPM)
            sequence.id = name
            sequence.collection_name = "JSB Chorales"
            pieces.append(Piece(name, sequence, split))
    return pieces


def _find_in_folder(path: str) -> tuple[str, bytes]:
    """The first of NAMES, the nearest to the top."""
    for name in NAMES:
        for folder, _, files in os.walk(path):
            if name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    return file.name, file.read()
    raise _not_found(path)


def _not_found(path: str) -> UserError:
    return UserError(f"{path} holds neither {' nor '.join(NAMES)}")


def _load_npz(data: bytes) -> Mapping[str, np.ndarray]:
    """The object arrays of an .npz, without the risk that unpickling brings.

    The pieces differ in length, so numpy keeps them as pickles, and a pickle loaded by
    `allow_pickle=True` may run any code. This unpickler knows the three names that
    rebuild an array and refuses all others.
    """
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                if not dtype.hasobject:
                    raise ValueError(f"{member} holds {dtype}, not pieces")
                array = _ArrayUnpickler(file, encoding="latin1").load()
                arrays[member.removesuffix(".npy")] = array.reshape(shape)
    return arrays


class _ArrayUnpickler(pickle.Unpickler):
    """Rebuilds numpy arrays and nothing else; numpy's modules go by several names."""

    ALLOWED = {
        "_reconstruct": lambda subtype, shape, dtype: np.ndarray(shape, dtype),
        "ndarray": np.ndarray,
        "dtype": np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in self.ALLOWED:
            return self.ALLOWED[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an array")


def _to_grid(piece: Sequence) -> np.ndarray:
    """A piece as int32 `[steps, 4]`; the file has NaN or -1 for a rest."""
    pitches = np.asarray(piece, np.float64)
    if pitches.ndim != 2 or pitches.shape[1] != len(VOICES):
        raise ValueError(f"a piece of shape {pitches.shape}")
    pitches = np.where(np.isnan(pitches), REST, pitches)
    grid = pitches.astype(np.int32)
    if (grid != pitches).any() or grid.min() < REST or grid.max() > HIGHEST_PITCH:
        raise ValueError("a pitch that is no MIDI number")
    return grid
