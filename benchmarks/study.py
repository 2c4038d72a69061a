"""The cells of the study, and which of them are missing."""

from benchmarks import cells

# Raise a number where what is measured changes: older rows then count no more.
VERSIONS = {"equal_steps": 1, "equal_time": 1, "step": 1, "decode": 1}
KINDS = {
    "learning": ("equal_steps", "equal_time"),
    "steps": ("step",),
    "decode": ("decode",),
}
KEY = ("kind", "mixer", "length", "version")
LEARNING_LENGTH = 512
LENGTHS = (512, 1024, 2048, 4096)


def plan(mixers, kinds, lengths) -> list[dict]:
    """The cells, each as its row will begin.

    Args:
        mixers: names of contenders.
        kinds: of VERSIONS.
        lengths: T of the costs; learning has a length of its own.
    """
    return [
        {"kind": kind, "mixer": mixer, "length": length, "version": VERSIONS[kind]}
        for kind in kinds
        for length in ([LEARNING_LENGTH] if kind in KINDS["learning"] else lengths)
        for mixer in mixers
    ]


def missing(planned, rows, retry=False) -> list[dict]:
    """The cells that no row has; with `retry`, also those whose row failed."""
    found = {key for key, row in rows.items() if not (retry and "failed" in row)}
    return [cell for cell in planned if cells.key(cell, KEY) not in found]


def current(rows) -> list[dict]:
    """The rows that count."""
    return [row for row in rows if row["version"] == VERSIONS[row["kind"]]]


def measure(kind, mixer, length, version, **data) -> dict:
    """Measures a cell in this process."""
    if kind in KINDS["learning"]:
        from benchmarks.learning import learn

        return learn(mixer, length, kind.removeprefix("equal_"), **data)
    from benchmarks import costs

    return getattr(costs, kind)(mixer, length)
