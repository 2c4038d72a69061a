"""Reads `Jsb16thSeparated` from JSON or NPZ, in a zip or folder or by itself."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfmusic.datasets.source import SPLITS
from tfmusic.errors import UserError
from tfmusic.tokenizers.grid import REST, VOICES

NAMES = ("Jsb16thSeparated.json", "Jsb16thSeparated.npz")
KEYS = dict(zip(("train", "valid", "test"), SPLITS, strict=True))
EXPECTED = (
    "expected Jsb16thSeparated.json or .npz: lists of [step][4 voices] of MIDI "
    "pitches under train, valid and test"
)
PITCHES = range(128)


def read_grids(path: str) -> dict[str, list[np.ndarray]]:
    """Reads the pieces of each split.

    Args:
        path: a .json or .npz file, or a zip or folder that holds one.

    Returns:
        For train, validation and test, int32 `[steps, 4]` grids, -1 for rests.

    Raises:
        UserError: it isn't there or isn't that data.
    """
    name, data = find_file(path, NAMES)
    try:
        load = load_npz if data.startswith(b"PK") else json.loads
        raw = load(data)
        return {
            split: [_to_grid(piece) for piece in raw[key]]
            for key, split in KEYS.items()
        }
    except (ValueError, KeyError, TypeError, pickle.UnpicklingError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{name} is not JSB Chorales ({reason}): {EXPECTED}") from error


def find_file(path: str, names: Iterable[str]) -> tuple[str, bytes]:
    """The first of `names` in a zip or folder, or the file that `path` is.

    Returns:
        What to call it in messages, and its content.

    Raises:
        UserError: none is there, or it can't be read.
    """
    try:
        if os.path.isdir(path):
            found = {
                file: os.path.join(folder, file)
                for folder, _, files in sorted(os.walk(path), reverse=True)
                for file in files
            }
            for name in names:
                if name in found:
                    with open(found[name], "rb") as file:
                        return found[name], file.read()
            raise UserError(f"{path} holds none of {', '.join(names)}")
        if path.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                found = {os.path.basename(file): file for file in archive.namelist()}
                for name in names:
                    if name in found:
                        return f"{path}/{found[name]}", archive.read(found[name])
            raise UserError(f"{path} holds none of {', '.join(names)}")
        with open(path, "rb") as file:
            return path, file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"cannot read {path}: {error}") from error


def load_npz(data: bytes) -> dict[str, Any]:
    """Object arrays of an .npz without the risk that comes with unpickling.

    The file's arrays are ragged, so numpy stored them as pickles, and a pickle may
    run any code when loaded with `allow_pickle=True`. Here only the names that
    rebuild numpy arrays are known to the unpickler; all others raise.
    """
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                if version != (1, 0):
                    raise ValueError(f"{member} is of npy version {version}")
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                if dtype != object:
                    raise ValueError(f"{member} holds {dtype}, not lists")
                array = _ArrayUnpickler(file, encoding="latin1").load()
                arrays[member.removesuffix(".npy")] = array.reshape(shape)
    return arrays


class _ArrayUnpickler(pickle.Unpickler):
    """Knows how to rebuild numpy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("numpy") and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if module.startswith("numpy") and name == "_reconstruct":
            return np.ndarray.__new__ and _reconstruct
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _reconstruct(subtype: type, shape: tuple, dtype: Any) -> np.ndarray:
    return np.ndarray.__new__(np.ndarray, shape, dtype)


def _to_grid(piece: Any) -> np.ndarray:
    """A piece as int32 `[steps, 4]`; NaN and -1 are rests."""
    grid = np.asarray(piece, np.float64)
    if grid.ndim != 2 or grid.shape[1] != len(VOICES):
        raise ValueError(f"a piece is of shape {grid.shape}")
    grid = np.where(np.isnan(grid), REST, grid)
    whole = grid.astype(np.int32)
    if (whole != grid).any() or ((whole < 0) & (whole != REST)).any():
        raise ValueError("a pitch is not a MIDI number")
    if (whole >= len(PITCHES)).any():
        raise ValueError("a pitch is not a MIDI number")
    return whole
