"""What a training says while it runs."""

import contextlib
import sys
import time


class Progress:
    """A line with nats per token, tokens per second and the time left.

    On a terminal the line is rewritten in place; elsewhere a new one is printed
    now and then.

    Args:
        first_step: step at which this run begins.
        total_steps: step at which it ends.
        seconds: least time between two lines; None for the stream's own default.
        quiet: whether nothing is printed: of several workers, one does.
    """

    def __init__(
        self,
        first_step: int,
        total_steps: int,
        seconds: float | None = None,
        quiet: bool = False,
    ):
        self._rewrite = sys.stdout.isatty()
        self._seconds = seconds or (0.5 if self._rewrite else 15.0)
        self._quiet = quiet
        self._first_step = first_step
        self._total_steps = total_steps
        self._start = self._last = time.monotonic()
        self._tokens = 0
        self._width = 0

    def started(self) -> None:
        """Starts the clocks anew: what came before (compiling) is not training."""
        self._start = time.monotonic()
        self._tokens = 0

    @property
    def tokens_per_second(self) -> float:
        """Mean since `started`."""
        return self._tokens / max(time.monotonic() - self._start, 1e-9)

    def is_due(self) -> bool:
        """Whether enough time has passed for another line."""
        return time.monotonic() - self._last >= self._seconds

    def count(self, tokens: int) -> None:
        """Adds to the tokens trained on since `started`."""
        self._tokens += tokens

    @contextlib.contextmanager
    def paused(self):
        """Leaves the time of what is done inside (an evaluation) out."""
        start = time.monotonic()
        yield
        self._start += time.monotonic() - start

    def show(self, step: int, nats_per_token: float) -> None:
        """Prints the line for a step."""
        self._last = time.monotonic()
        done = max(step - self._first_step, 1)
        left = (self._last - self._start) / done * (self._total_steps - step)
        minutes, seconds = divmod(round(left), 60)
        line = (
            f"step {step}/{self._total_steps}  {nats_per_token:.3f} nats/token  "
            f"{self.tokens_per_second:,.0f} tokens/s  {minutes}:{seconds:02d} left"
        )
        self._print(line, "\r" if self._rewrite else "\n")

    def say(self, line: str) -> None:
        """Prints a line of its own, above the one that is rewritten."""
        self._print(line, "\n")

    def _print(self, line: str, end: str) -> None:
        if self._quiet:
            return
        print(line.ljust(self._width), end=end, flush=True)
        self._width = len(line) if end == "\r" else 0
