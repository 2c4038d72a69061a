"""Writing files so that nobody ever sees half of one.

A path with a scheme, such as gs://bucket/run, is TensorFlow's to read and write.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator

from tfmusic.errors import UserError


def is_remote(path: str | os.PathLike) -> bool:
    """Whether a path has a scheme, as a bucket's has."""
    return "://" in os.fspath(path)


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
    if is_remote(path):
        with _uploaded(path) as temporary:
            yield temporary
        return
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
def _uploaded(path):
    """A file of this machine that is copied to a bucket, where it appears whole."""
    with tempfile.TemporaryDirectory() as scratch:
        temporary = os.path.join(scratch, os.path.basename(path))
        yield temporary
        folder, name = os.path.split(path)
        uploaded = f"{folder}/.{name}.{os.path.basename(scratch)}"
        with _remote(path) as gfile:
            gfile.makedirs(folder)
            # Not every file system replaces a file that is written again.
            gfile.copy(temporary, uploaded)
            gfile.rename(uploaded, path, overwrite=True)


@contextlib.contextmanager
def _remote(path):
    """`tf.io.gfile`, whose errors become lines."""
    from tfmusic.quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    try:
        yield tf.io.gfile
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "no such file", path) from error
    except tf.errors.OpError as error:
        raise UserError(f"cannot use {path}: {error.message}") from error


def read_text(path: str | os.PathLike) -> str:
    """Reads a text file, of this machine or a bucket.

    Raises:
        OSError: it is not there, or can't be read.
        UserError: it is remote, and can't be read.
    """
    if is_remote(path):
        with _remote(path) as gfile, gfile.GFile(path) as file:
            return file.read()
    with open(path, encoding="utf-8") as file:
        return file.read()


def is_file(path: str | os.PathLike) -> bool:
    """Whether there is a file of this name, on this machine or in a bucket.

    Raises:
        UserError: it is remote, and can't be asked for.
    """
    if is_remote(path):
        with _remote(path) as gfile:
            return gfile.exists(path) and not gfile.isdir(path)
    return os.path.isfile(path)


@contextlib.contextmanager
def local_copy(path: str | os.PathLike) -> Iterator[str]:
    """A file by a name that any library can open.

    Yields:
        The path itself, or that of a copy of a remote file, for the block.

    Raises:
        OSError, UserError: see `read_text`.
    """
    if not is_remote(path):
        yield os.fspath(path)
        return
    with tempfile.TemporaryDirectory() as scratch:
        temporary = os.path.join(scratch, os.path.basename(path))
        with _remote(path) as gfile:
            gfile.copy(path, temporary)
        yield temporary


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
    if is_remote(path):
        raise UserError(f"cannot write {path}: name a folder of this machine")
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
    if is_remote(folder):
        with _remote(folder) as gfile:
            gfile.makedirs(folder)
        return
    existing = os.path.abspath(folder)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        raise UserError(f"cannot write to {folder}: {existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"cannot write to {folder}: {existing} may not be written to")
