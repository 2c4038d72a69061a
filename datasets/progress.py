"""Tells the user how far a long work is: a bar on a screen, else lines."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Log = Callable[[str], None]

SECONDS_BETWEEN_LINES = 5.0


def print_line(line: str) -> None:
    """Prints progress where it doesn't mix with a command's output: on stderr."""
    print(line, file=sys.stderr, flush=True)


def with_progress(
    items: Iterable[Item],
    what: str,
    log: Log,
    total: int | None = None,
    done: int = 0,
) -> Iterator[Item]:
    """Goes through `items` and shows how many are done and how long it will take.

    Args:
        items: to go through.
        what: names them, such as "files read".
        log: called with each line; where it is `print_line` and a person looks at
            stderr, a bar is drawn there instead.
        total: number of items, by default `len(items)`.
        done: how many of them were done before.
    """
    total = len(items) if total is None else total
    if log is print_line and sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(
            items, what, total, initial=done, leave=False, file=sys.stderr, unit=""
        )
        return
    first = last = time.monotonic()
    for count, item in enumerate(items):
        now = time.monotonic()
        if count == 0:
            first = last = now  # what came before is no measure of the rest
        elif now - last > SECONDS_BETWEEN_LINES:
            last = now
            left = total - done - count
            log(
                f"  {done + count} of {total} {what}, "
                f"{_duration((now - first) / count * left)} left"
            )
        yield item


def _duration(seconds: float) -> str:
    """Such as 12 s, or 3 min."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
