"""Work in several processes, each of which may take too long or die.

A pool of Python's own would lose all its work with one process, and starts a script
of the user's again unless that guards against it. Here a process runs this module
alone, and takes one task after another from its standard input. TensorFlow is not
imported there.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import pickle
import queue
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from tfmusic.errors import UserError

# Fewer tasks than this are done at once, which is quicker than starting processes.
FEW = 24
# Results that may wait, for each process, for one that takes long.
LOOKAHEAD = 8
# What is sent to a process, or comes back, fits into memory many times.
_PROTOCOL = pickle.HIGHEST_PROTOCOL
_READY = b"+"  # what a process writes before its answers


def default_num_workers() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Processes that call functions on tasks, started when there are many.

    A context: at its end the processes are gone.

    Args:
        num_workers: processes; by default as many as there are cores.
    """

    def __init__(self, num_workers: int | None = None):
        self.num_workers = num_workers or default_num_workers()
        self._waiting: queue.Queue = queue.Queue()
        self._serving: list[tuple[threading.Thread, _Process]] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: Any) -> None:
        with contextlib.suppress(queue.Empty):  # of a caller that wants no more
            while True:
                self._waiting.get_nowait()
        for _ in self._serving:
            self._waiting.put(None)
        for thread, process in self._serving:
            while thread.is_alive():  # it may be starting the process just now
                process.kill()
                thread.join(0.1)
        self._serving = []

    def run(
        self, function: str, tasks: Iterable[Any], seconds: float | None = None
    ) -> Iterator[Any]:
        """Calls a function on each task.

        Args:
            function: `module:name`; of one argument.
            tasks: what can be pickled. A few are done in this process.
            seconds: after which a process is killed, whatever it does; by default
                never.

        Yields:
            For each task, in order, what the function returned, or a `UserError`: what
            it raised, or that its process was killed or died.

        Raises:
            UserError: a process can't be started.
        """
        call = find_function(function)
        tasks = iter(tasks)
        first = list(itertools.islice(tasks, FEW))
        tasks = itertools.chain(first, tasks)
        if len(first) < FEW or self.num_workers == 1:
            for task in tasks:
                yield _call(call, task)
            return
        self._start()
        answers: list[Future] = []  # in order
        for task in tasks:
            answers.append(Future())
            self._waiting.put((function, task, seconds, answers[-1]))
            if len(answers) > LOOKAHEAD * self.num_workers:
                yield answers.pop(0).result()
        while answers:
            yield answers.pop(0).result()

    def _start(self) -> None:
        """Starts a thread for each process, which waits for its answers."""
        for _ in range(self.num_workers - len(self._serving)):
            process = _Process()
            thread = threading.Thread(target=self._serve, args=[process], daemon=True)
            thread.start()
            self._serving.append((thread, process))

    def _serve(self, process: _Process) -> None:
        with contextlib.closing(process):
            while (work := self._waiting.get()) is not None:
                function, task, seconds, answer = work
                try:
                    answer.set_result(process.call(function, task, seconds))
                except Exception as error:  # which `run` raises
                    answer.set_exception(error)


class _Process:
    """A process that calls functions, started again if it dies."""

    def __init__(self):
        self._process: subprocess.Popen | None = None

    def call(self, function: str, task: Any, seconds: float | None) -> Any:
        """The function's result, or a UserError.

        Raises:
            UserError: the process can't be started.
        """
        work = pickle.dumps((function, task), _PROTOCOL)
        if self._process is None:
            self._start()
        is_late = threading.Event()

        def stop():
            is_late.set()
            self.kill()

        timer = threading.Timer(seconds or threading.TIMEOUT_MAX, stop)
        timer.start()
        try:
            self._process.stdin.write(work)
            self._process.stdin.flush()
            answer = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            answer = None
            self.close()
        finally:
            timer.cancel()
            timer.join()
        if is_late.is_set():
            self.close()
            return UserError(f"took longer than {seconds:g} seconds")
        if self._process is None:
            return UserError("the process that read it died")
        return answer

    def _start(self):
        try:
            self._process = self._popen()
            if self._process.stdout.read(1) == _READY:
                return
            self.close()
            reason = "it ends at once"
        except OSError as error:
            reason = error.strerror or error
        raise UserError(f"cannot start a process ({reason}): try --workers=1")

    @staticmethod
    def _popen():
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from tfmusic.datasets.workers import serve; serve()",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        )

    def kill(self):
        """Makes `call`, in another thread, end."""
        if (process := self._process) is not None:
            process.kill()

    def close(self):
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        self._process = None


def serve() -> None:
    """Answers tasks from standard input until it ends: what a process does."""
    warnings.simplefilter("ignore")
    # Nobody prints between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    answers.write(_READY)
    answers.flush()
    while True:
        try:
            function, task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_call(find_function(function), task), answers, _PROTOCOL)
        answers.flush()


def find_function(function: str) -> Callable[[Any], Any]:
    """The function that `module:name` names."""
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)


def _call(function: Callable[[Any], Any], task: Any) -> Any:
    """The function's result, or what it raised as a UserError."""
    try:
        return function(task)
    except UserError as error:
        return error
    except MemoryError:
        return UserError("there is not enough memory for it")
    except Exception as error:  # one bad file must not end hours of reading
        reason = f"unexpected {type(error).__name__}: {error}"
        return UserError(" ".join(reason.split()))
