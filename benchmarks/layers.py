"""Ratios between token mixers, each with its target.

Usage:
  python -m benchmarks.layers [--only=local,...] [--cpu=0]

A training step is that of 6 layers, 8 heads, hidden 256, feed-forward 1024, batch 2,
float32, no dropout; a layer alone is one of batch 1 with its projections, forward and
backward. Times are medians of the processor's time, which other programs on the machine
hardly change; what is compared takes turns in one process. Memory is the peak of a
process of its own.
"""

import json
import statistics
import time

from absl import flags

from benchmarks import cells
from benchmarks.ratios import RATIOS
from tfmusic.errors import UserError, run_command
from tfmusic.quiet import import_tensorflow

ROUNDS = (3, 40)  # at least, at most: as many as take SECONDS
SECONDS = 20.0

_ONLY = flags.DEFINE_list("only", None, "Ratios by name; by default all.")
_CPU = flags.DEFINE_integer("cpu", None, "The one core to stay on; by default all.")
_CELL = flags.DEFINE_string(
    "cell", None, "JSON of what to measure in this process; the program's own use."
)


def measure(name: str, case: str | None = None) -> dict:
    """Medians of a ratio's cases in seconds, or the peak of one case in bytes."""
    cases = RATIOS[name].cases
    if case:
        from benchmarks.memory import PeakMemory

        memory = PeakMemory()
        run = cases[case]()
        run()
        memory.restart()
        for _ in range(2):
            run()
        return {case: memory.peak()}
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it takes the cases for one, traced too often
    runs = {case: make() for case, make in cases.items()}
    for run in runs.values():
        run()  # compiles
    seconds = {case: [] for case in runs}
    least, most = ROUNDS
    begin = time.process_time()
    for done in range(most):
        if done >= least and time.process_time() - begin > SECONDS:
            break
        for case, run in runs.items():
            start = time.process_time()
            run()
            seconds[case].append(time.process_time() - start)
    return {case: statistics.median(times) for case, times in seconds.items()}


def compare(name: str, cpu: int | None = None) -> str:
    """Measures a ratio and says it in a line."""
    ratio = RATIOS[name]
    module = "benchmarks.layers"
    asked = [{"name": name}]
    if ratio.of == "memory":
        asked = [{"name": name, "case": case} for case in ratio.cases]
    measures = {}
    for cell in asked:
        measures |= cells.run_cell(module, cell, cpu)
    if "failed" in measures:
        return f"{ratio.what}: not measured ({measures['failed']})"
    first, second, *_ = ratio.cases
    return ratio.line(measures[first] / measures[second], measures)


def main() -> None:
    if _CELL.value:
        import_tensorflow()
        cells.answer(measure, json.loads(_CELL.value))
        return
    names = _ONLY.value or list(RATIOS)
    unknown = sorted({*names} - {*RATIOS})
    if unknown:
        raise UserError(f"no ratio {unknown[0]!r}: choose from {', '.join(RATIOS)}")
    for name in names:
        print(compare(name, _CPU.value), flush=True)


if __name__ == "__main__":
    run_command(main, __doc__)
