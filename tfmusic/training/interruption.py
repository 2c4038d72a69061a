"""Signals that end a training: it saves first."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator

from tfmusic.errors import UserError

EX_TEMPFAIL = 75  # of sysexits.h: try again later

EXIT_CODES = {signal.SIGTERM: EX_TEMPFAIL, signal.SIGINT: 128 + signal.SIGINT}


class Interruption(UserError):
    """A training was told to end, and has saved.

    Attributes:
        exit_code: 75 after SIGTERM (a preemption), 130 after SIGINT.
    """

    def __init__(self, received: signal.Signals, step: int):
        super().__init__(
            f"stopped by {received.name} at step {step}, which is saved: the same "
            "command goes on from there"
            if step
            else f"stopped by {received.name} before the first step: the same command "
            "begins again"
        )
        self.exit_code = EXIT_CODES[received]


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Gives SIGTERM its line and its code where nothing else takes note of it.

    Raises:
        Interruption: it was received, before a training's first step.
    """

    def end(number, frame):
        raise Interruption(signal.Signals(number), 0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Stop(Exception):
    """A signal was received: save and end."""


class Signals:
    """Takes note of SIGTERM and SIGINT, for a loop to look at; a second one kills.

    A thread listens, since Python's own handlers wait while TensorFlow computes or
    compiles. Outside the main thread, where there are no handlers, nothing is noted.

    Attributes:
        received: the first signal's number, or None.
    """

    def __init__(self):
        self.received = None
        self._handlers = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._reader, self._writer = socket.socketpair()
            self._writer.setblocking(False)
            self._wakeup = signal.set_wakeup_fd(self._writer.fileno())
            for number in EXIT_CODES:
                self._handlers[number] = signal.signal(number, self._note)
            threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        if self._handlers:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._wakeup)
            self._writer.close()  # ends the thread

    def check(self, *_) -> None:
        """Looks whether a signal was received.

        Raises:
            Stop: one was.
        """
        if self.received is not None:
            raise Stop

    def _note(self, number, frame=None):
        self.received = self.received or signal.Signals(number)

    def _listen(self):
        noted = False
        with self._reader:
            while byte := self._reader.recv(1):
                if byte[0] not in EXIT_CODES:
                    continue
                if noted:
                    os._exit(EXIT_CODES[byte[0]])
                noted = True
                self._note(byte[0])
