"""The files that a user gives: one alone, a folder's or a zip's."""

import functools
import os
import zipfile
from collections.abc import Callable

from tfmusic.errors import UserError

MOST_BYTES = 64 * 2**20  # of one file: no piece of music takes so much


def list_files(path: str, wanted: Callable[[str], bool]) -> list[str]:
    """The names of the files that `path` holds, at any depth, sorted.

    Args:
        path: a folder, a zip or a single file.
        wanted: of a name, whether it is listed.

    Returns:
        Names with forward slashes, relative to the folder or the zip; of a single
        file its own name.

    Raises:
        UserError: the path is missing or can't be read.
    """
    try:
        if os.path.isdir(path):
            names = [
                os.path.relpath(os.path.join(folder, file), path).replace(os.sep, "/")
                for folder, _, files in os.walk(path)
                for file in files
            ]
        elif is_archive(path):
            names = [n for n in _archive(path).namelist() if not n.endswith("/")]
        else:
            with open(path, "rb"):
                names = [os.path.basename(path)]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"cannot read {path}: {error}") from error
    # What a Mac adds to a zip and to a folder is nobody's music.
    hidden = ("__MACOSX/", ".")
    return sorted(
        name
        for name in set(names)  # a zip may hold a file twice, of which the last counts
        if wanted(name) and not name.startswith(hidden) and "/." not in name
    )


def list_sizes(path: str) -> list[tuple[str, int]]:
    """The names that `list_files` gives of all files, and their sizes in bytes.

    The size of a link that leads nowhere is -1.

    Raises:
        UserError: the path is missing or can't be read.
    """
    names = list_files(path, lambda name: True)
    if os.path.isdir(path):
        return [(name, _size(os.path.join(path, name))) for name in names]
    if is_archive(path):
        return [(name, _archive(path).getinfo(name).file_size) for name in names]
    return [(name, os.path.getsize(path)) for name in names]


def is_archive(path: str) -> bool:
    """Whether the path is a zip, whose files are meant."""
    return path.lower().endswith(".zip") and os.path.isfile(path)


def read_file(path: str, name: str, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a file that `list_files` named.

    Raises:
        UserError: it can't be read, or holds more than `most_bytes`.
    """
    try:
        if os.path.isdir(path):
            place = os.path.join(path, name)
            if os.path.exists(place) and not os.path.isfile(place):
                raise UserError(f"cannot read {name}: it is not a file")  # a pipe
            file = open(place, "rb")
        elif is_archive(path):
            file = _archive(path).open(name)
        else:
            file = open(path, "rb")
        with file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror or error}") from error
    except Exception as error:  # a damaged zip fails in many ways
        raise UserError(f"cannot read {name} of {path}: {error}") from error
    if len(data) > most_bytes:
        raise UserError(f"cannot read {name}: more than {most_bytes:,} bytes")
    return data


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return -1


@functools.lru_cache(maxsize=4)
def _archive(path: str) -> zipfile.ZipFile:
    """An open zip, whose list of files is read once."""
    return zipfile.ZipFile(path)
