"""One training at a time in a run's folder."""

import contextlib
import os
import socket
from collections.abc import Iterator

from tfmusic.errors import UserError
from tfmusic.files import is_remote

NAME = ".lock"


@contextlib.contextmanager
def run_lock(model_dir: str) -> Iterator[None]:
    """Holds a run's folder, against other trainings on any host that sees it.

    A process that dies, however it does, lets go of it. A bucket, and a system or
    file system without `flock`, has no locks: nothing is held there.

    Args:
        model_dir: the run's folder, which is made; if nothing was written into it,
            it is removed again.

    Raises:
        UserError: another process holds it, or it can't be made.
    """
    if not has_locks(model_dir):
        yield
        return
    try:
        missing = not os.path.isdir(model_dir)
        os.makedirs(model_dir, exist_ok=True)
        file = _lock(os.path.join(model_dir, NAME))
    except OSError as error:
        raise UserError(
            f"cannot write {error.filename or model_dir}: {error.strerror}; choose "
            "another place"
        ) from error
    with file:
        try:
            yield
        finally:
            # While it is held, so that nobody else's is removed.
            with contextlib.suppress(OSError):
                os.remove(file.name)
                if missing:
                    os.rmdir(model_dir)


def has_locks(model_dir: str) -> bool:
    """Whether `run_lock` can hold a folder of this kind."""
    try:
        import fcntl  # noqa: F401
    except ImportError:  # Windows
        return False
    return not is_remote(model_dir)


def _lock(path):
    import fcntl

    while True:
        file = open(path, "a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise UserError(
                f"{os.path.dirname(path)} is being trained by {holder}: wait for it or "
                "stop it, or choose another --model_dir"
            ) from error
        except OSError:
            pass  # a file system without locks
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
                file.flush()
                return file
        file.close()  # whoever held the lock has removed its file
