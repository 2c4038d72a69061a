"""Bounds on what reading one file may cost, whatever is in it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from tfmusic.errors import UserError

try:
    import resource
except ImportError:  # Windows
    resource = None

_AGAIN = 1.0  # seconds until an alarm that somebody caught goes off once more
_SOON = 1e-3  # seconds until an alarm that is overdue goes off
_enforced = False  # whether limits hold in the main thread


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long reading a file may take, and how much memory.

    Both hold in the main thread of Linux; the time in that of any POSIX system.
    Elsewhere only the readers' own bounds hold.

    Attributes:
        seconds: of the wall's clock.
        memory: bytes beyond what the process has already.
    """

    seconds: float = 10.0
    memory: int = 2**30

    @contextlib.contextmanager
    def enforced(self, name: str) -> Iterator[None]:
        """Within the block the limits hold; of nested ones, the outermost alone.

        So whoever reads many files has one say for all readers.

        Args:
            name: of what is read, for errors.

        Raises:
            UserError: the block took too long or too much memory.
        """
        global _enforced
        if _enforced or not _is_main_thread():
            yield
            return
        _enforced = True
        try:
            with self._timed(name), self._bounded():
                yield
        except MemoryError as error:
            raise UserError(
                f"cannot read {name}: it takes more than {self.memory >> 20} MiB of "
                "memory"
            ) from error
        finally:
            _enforced = False

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        if not hasattr(signal, "setitimer"):
            yield
            return

        def stop(*_: Any) -> NoReturn:
            raise UserError(
                f"cannot read {name}: it takes longer than {self.seconds:g} seconds"
            )

        outer, interval = signal.getitimer(signal.ITIMER_REAL)
        if 0 < outer <= self.seconds:
            yield
            return
        begin = time.monotonic()
        handler = signal.signal(signal.SIGALRM, stop)
        try:
            signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            if outer:
                left = max(_SOON, outer - (time.monotonic() - begin))
                signal.setitimer(signal.ITIMER_REAL, left, interval)

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        used = _data_bytes()
        if resource is None or used is None:
            yield
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bound = used + self.memory
        others = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min([bound, *others]), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


LIMITS = Limits()


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _data_bytes() -> int | None:
    """What RLIMIT_DATA counts of this process, where the system tells."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None
