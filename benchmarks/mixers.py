"""The study of the token mixers: what each learns, and what it costs.

Usage:
  python -m benchmarks.mixers --data=jsb.zip [--only=learning] [--mixers=causal,...]
  python -m benchmarks.mixers --report=mixers.png

Results are rows of a JSON-lines file, added as they come. What is there is not measured
again, so the study can be stopped at any time and run beside other work. Each cell is
measured in a process of its own; one that fails is a row with its reason.
"""

import json

from absl import flags

from benchmarks import cells, tables
from tfmusic.datasets.registry import DEFAULT_DATA_DIR
from tfmusic.errors import UserError, run_command
from tfmusic.quiet import import_tensorflow

# Raise a number where what is measured changes: older rows then count no more.
VERSIONS = {"equal_steps": 1, "equal_time": 1, "step": 1, "decode": 1}
KINDS = {
    "learning": ("equal_steps", "equal_time"),
    "steps": ("step",),
    "decode": ("decode",),
}
KEY = ("kind", "mixer", "length", "version")
LEARNING_LENGTH = 512
LENGTHS = ["512", "1024", "2048", "4096"]

_ONLY = flags.DEFINE_enum("only", None, [*KINDS], "The part of the study to run.")
_MIXERS = flags.DEFINE_list("mixers", None, "Contenders by name; by default all.")
_LENGTHS = flags.DEFINE_list("lengths", LENGTHS, "T of the steps and decoding.")
_CPU = flags.DEFINE_integer("cpu", None, "The one core to stay on; by default all.")
_DATA = flags.DEFINE_string("data", None, "File of the data set jsb_chorales.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_OUTPUT = flags.DEFINE_string("output", "benchmarks/mixers.jsonl", "The rows.")
_RETRY = flags.DEFINE_bool("retry", False, "Measure again what failed.")
_LIST = flags.DEFINE_bool("list", False, "Only print what is missing.")
_REPORT = flags.DEFINE_string(
    "report", None, "Only print the tables and draw the picture, to this PNG."
)
_CELL = flags.DEFINE_string(
    "cell", None, "JSON of a cell to measure in this process; the program's own use."
)


def plan(mixers, kinds, lengths) -> list[dict]:
    """The cells, each as its row will begin."""
    return [
        {"kind": kind, "mixer": mixer, "length": length, "version": VERSIONS[kind]}
        for kind in kinds
        for length in ([LEARNING_LENGTH] if kind.startswith("equal") else lengths)
        for mixer in mixers
    ]


def missing(planned, rows, retry=False) -> list[dict]:
    """The cells that no row has; with `retry`, also those whose row failed."""
    found = {key for key, row in rows.items() if not (retry and "failed" in row)}
    return [cell for cell in planned if cells.key(cell, KEY) not in found]


def measure(kind, mixer, length, version, **data) -> dict:
    """Measures a cell in this process."""
    if kind.startswith("equal"):
        from benchmarks.learning import learn

        return learn(mixer, length, kind.removeprefix("equal_"), **data)
    from benchmarks import costs

    return getattr(costs, kind)(mixer, length)


def report(rows, path) -> None:
    """Prints the tables and draws the picture."""
    rows = [row for row in rows if row["version"] == VERSIONS[row["kind"]]]
    print(tables.report(rows))
    tables.draw(rows, path)


def main() -> None:
    if _REPORT.value:
        report(cells.read_rows(_OUTPUT.value, KEY).values(), _REPORT.value)
        return
    import_tensorflow()
    if _CELL.value:
        cells.answer(measure, json.loads(_CELL.value))
        return
    from benchmarks.contenders import contenders

    rows = cells.read_rows(_OUTPUT.value, KEY)
    known = list(contenders())
    unknown = sorted({*(_MIXERS.value or [])} - {*known})
    if unknown:
        raise UserError(f"no contender {unknown[0]!r}: choose from {', '.join(known)}")
    kinds = [
        kind
        for part in ([_ONLY.value] if _ONLY.value else KINDS)
        for kind in KINDS[part]
    ]
    lengths = [int(length) for length in _LENGTHS.value]
    planned = plan(_MIXERS.value or known, kinds, lengths)
    if _LIST.value:
        for cell in missing(planned, rows, _RETRY.value):
            print(cell["kind"], cell["mixer"], cell["length"])
        return
    data = {"data": _DATA.value, "data_dir": _DATA_DIR.value}
    for cell in missing(planned, rows, _RETRY.value):
        # Another process may have been there in the meantime.
        if not missing([cell], cells.read_rows(_OUTPUT.value, KEY), _RETRY.value):
            continue
        extra = data if cell["kind"].startswith("equal") else {}
        result = cells.run_cell("benchmarks.mixers", {**cell, **extra}, _CPU.value)
        row = {**cell, **result}
        cells.append_row(_OUTPUT.value, row)
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    run_command(main, __doc__)
