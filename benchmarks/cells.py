"""Rows of results, kept as they come, and measurements in their own processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def key(row: dict, names: tuple[str, ...]) -> tuple:
    """What tells a row from the others: its values of `names`."""
    return tuple(row.get(name) for name in names)


def read_rows(path: str, names: tuple[str, ...]) -> dict[tuple, dict]:
    """The rows of a JSON-lines file by their keys; of equal keys the last one's."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    return {key(row, names): row for row in rows}


def append_row(path: str, row: dict) -> None:
    """Adds a row, in one write, so that several programs may share a file."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def run_cell(module: str, cell: dict, cpu: int | None = None) -> dict:
    """Measures a cell with `python -m MODULE --cell=JSON`.

    The process starts from nothing, so its peak memory is this cell's alone. Where
    memory ends, the kernel ends this process before any other.

    Args:
        module: a program that calls `answer`.
        cell: what to measure.
        cpu: the one core to stay on; by default all.

    Returns:
        What it measured, or `failed` with the reason in a line.
    """
    command = [sys.executable, "-m", module, f"--cell={json.dumps(cell)}"]

    def prepare():
        Path("/proc/self/oom_score_adj").write_text("1000")
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    result = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=prepare
    )
    if result.returncode < 0:
        reason = "out of memory" if result.returncode == -9 else "crashed"
        return {"failed": f"{reason} (signal {-result.returncode})"}
    if result.returncode or not result.stdout.strip():
        return {"failed": f"ended with code {result.returncode}"}
    return json.loads(result.stdout.splitlines()[-1])


def answer(measure, cell: dict) -> None:
    """Prints for `run_cell` what `measure(**cell)` returns, or why it could not."""
    try:
        result = measure(**cell)
    except Exception as error:  # of any kind: it is a result
        text = " ".join(str(error).split())
        result = {"failed": f"{type(error).__name__}: {text}"[:300]}
    print(json.dumps(result), flush=True)
