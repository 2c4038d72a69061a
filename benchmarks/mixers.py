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

from benchmarks import cells, study, tables
from tfmusic.datasets.registry import DEFAULT_DATA_DIR, prepare
from tfmusic.errors import UserError, run_command
from tfmusic.quiet import import_tensorflow

_ONLY = flags.DEFINE_enum(
    "only",
    None,
    [*study.KINDS, *study.KINDS["learning"]],
    "The part of the study to run.",
)
_MIXERS = flags.DEFINE_list("mixers", None, "Contenders by name; by default all.")
_LENGTHS = flags.DEFINE_list(
    "lengths", [str(length) for length in study.LENGTHS], "T of the steps and decoding."
)
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


def cells_of(kinds, rows, known) -> list[dict]:
    """The missing cells that the flags ask for."""
    unknown = sorted({*(_MIXERS.value or [])} - {*known})
    if unknown:
        raise UserError(f"no contender {unknown[0]!r}: choose from {', '.join(known)}")
    lengths = [int(length) for length in _LENGTHS.value]
    planned = study.plan(_MIXERS.value or known, kinds, lengths)
    return study.missing(planned, rows, _RETRY.value)


def run(missing) -> None:
    """Measures cells one by one."""
    data = {"data": _DATA.value, "data_dir": _DATA_DIR.value}
    if any(cell["kind"] in study.KINDS["learning"] for cell in missing):
        prepare("jsb_chorales", _DATA_DIR.value, _DATA.value)
    for cell in missing:
        # Another process may have been there in the meantime.
        rows = cells.read_rows(_OUTPUT.value, study.KEY)
        if not study.missing([cell], rows, _RETRY.value):
            continue
        extra = data if cell["kind"] in study.KINDS["learning"] else {}
        result = cells.run_cell("benchmarks.mixers", {**cell, **extra}, _CPU.value)
        cells.append_row(_OUTPUT.value, {**cell, **result})
        print(json.dumps({**cell, **result}), flush=True)


def main() -> None:
    if _CELL.value:
        import_tensorflow()
        cells.answer(study.measure, json.loads(_CELL.value))
        return
    rows = cells.read_rows(_OUTPUT.value, study.KEY)
    if _REPORT.value:
        current = study.current(rows.values())
        print(tables.report(current))
        tables.draw(current, _REPORT.value)
        return
    import_tensorflow()
    from benchmarks.contenders import contenders

    only = _ONLY.value
    kinds = study.KINDS.get(only, [only]) if only else study.VERSIONS
    missing = cells_of(kinds, rows, list(contenders()))
    if _LIST.value:
        for cell in missing:
            print(cell["kind"], cell["mixer"], cell["length"])
    else:
        run(missing)


if __name__ == "__main__":
    run_command(main, __doc__)
