"""Writing files so that nobody ever sees half of one."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

from tfmusic.errors import UserError


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[str]:
    """A temporary file beside `path` that takes its place when the block ends well.

    Args:
        path: the file to write; its folder is made if it is not there.

    Yields:
        The name to write to, with the same suffix as `path`.

    Raises:
        UserError: the folder can't be made or written to.
    """
    path = os.fspath(path)
    folder, name = os.path.split(os.path.abspath(path))
    try:
        if os.path.isdir(path):
            raise UserError(f"cannot write {path}: it is a folder; name a file")
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as scratch:
            temporary = os.path.join(scratch, name)
            yield temporary
            os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; choose another place") from (
            error
        )


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[str]:
    """A temporary folder beside `path` that takes its place when the block ends well.

    Args:
        path: the folder to write, which is replaced as a whole.

    Yields:
        The name of a folder that the block makes.

    Raises:
        UserError: the folder around it can't be made or written to.
    """
    path = os.path.abspath(path)
    folder, name = os.path.split(path)
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as scratch:
            temporary = os.path.join(scratch, name)
            yield temporary
            if os.path.lexists(path):
                os.replace(path, os.path.join(scratch, "old"))
            os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; choose another place") from (
            error
        )


@contextlib.contextmanager
def locked(path: str | os.PathLike) -> Iterator[None]:
    """Waits until no other process holds the lock, and holds it.

    A process that dies lets go of it. Where the system or the file system has no such
    locks, nothing is waited for.

    Args:
        path: the lock's file, which is left behind, but may be removed by the block's
            last statement; its folder is made.

    Raises:
        UserError: the file can't be made.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        file = _locked_file(path, fcntl)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; choose another place") from (
            error
        )
    with file:
        yield


def _locked_file(path, fcntl):
    while True:
        file = open(path, "ab")
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()  # whoever held the lock has removed its file


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file at once.

    Raises:
        UserError: the folder can't be made or written to.
    """
    with (
        atomic_path(path) as temporary,
        open(temporary, "w", encoding="utf-8") as file,
    ):
        file.write(text)


def check_writable(folder: str | os.PathLike) -> None:
    """Finds out before a long work whether its folder can be made and written to.

    Raises:
        UserError: it can't.
    """
    existing = os.path.abspath(folder)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        raise UserError(f"cannot write to {folder}: {existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"cannot write to {folder}: {existing} may not be written to")
