"""Lines that tell the user how far a long reading is."""

import sys
import time
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Log = Callable[[str], None]

SECONDS_BETWEEN_LINES = 5.0


def print_line(line: str) -> None:
    """Prints progress where it doesn't mix with a command's output: on stderr."""
    print(line, file=sys.stderr, flush=True)


def with_progress(items: Collection[Item], what: str, log: Log) -> Iterator[Item]:
    """Goes through `items` and says every few seconds how many are done.

    Args:
        items: to go through.
        what: names them, such as "files read".
        log: called with each line.
    """
    last = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            log(f"  {done} of {len(items)} {what}")
        yield item
