"""What exported files weigh, how fast they are and how near, each with its target.

Usage:
  python -m benchmarks.export [--model_dir=DIR] [--only=sizes,...] [--threads=1]

Files of the `piano` preset (25.6 M parameters, cache of 2,048 tokens), not trained.
With --model_dir, a run's folder, the drift of each quantization on held-out music and
the time to its first note. What is compared takes turns in one process; memory is the
peak of a process of its own.
"""

import os
import subprocess
import sys
import tempfile

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.quiet import import_tensorflow

_MODEL_DIR = flags.DEFINE_string("model_dir", None, "A trained run, for drift.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where its prepared data is kept."
)
_INPUT = flags.DEFINE_string("input", None, "Its data set's file, if it needs one.")
_ONLY = flags.DEFINE_list("only", None, "Parts by name; by default all.")
_THREADS = flags.DEFINE_integer("threads", 1, "Of the interpreter.", lower_bound=1)

# In a process of its own: what a device runs, with nothing else imported.
MEMORY = """
import re, sys
sys.path[:0] = [{here!r}]
from tfmusic.export import runtime
def status(name):
    return int(re.search(name + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before = status("VmRSS")
import numpy as np
model = runtime.load({path!r}, {threads})
model.graph.reserve({rows})
for _ in range({length}):
    model.graph.extend(dict(tokens=np.array([60])))
print((status("VmHWM") - before) * 1024)
"""
FIRST_NOTE = """
import sys, time
begin = time.perf_counter()
sys.path[:0] = [{here!r}]
from tfmusic.export import runtime
imported = time.perf_counter()
model = runtime.load({path!r})
loaded = time.perf_counter()
next(iter(model.stream_notes(seed=1)))
print(imported - begin, loaded - imported, time.perf_counter() - loaded)
"""


def line(what: str, value: float, target: float, at_least=False, form="{:.2f}") -> None:
    """Prints a figure, its target, and whether it is missed."""
    met = value >= target if at_least else value <= target
    sign = ">=" if at_least else "<="
    target = form.format(target)
    missed = "" if met else "  MISSED"
    print(f"{what}: {form.format(value)} (target {sign} {target}){missed}", flush=True)


def sizes(folder, model, tokenizer) -> None:
    """Files against float32, and the second signature against the file."""
    from benchmarks.device import ALONE, path_of

    size = {
        name: os.path.getsize(path_of(folder, name))
        for name in ("none", "float16", "dynamic_int8", "mixed_int4", ALONE)
    }
    print(", ".join(f"{name} {count / 1e6:.1f} MB" for name, count in size.items()))
    for name, target in (("float16", 51), ("dynamic_int8", 29), ("mixed_int4", 21)):
        share = 100 * size[name] / size["none"]
        line(f"size of {name} against float32, %", share, target)
    more = 100 * (size["dynamic_int8"] - size[ALONE]) / size["dynamic_int8"]
    line("the signature prefill, % of the file", more, 3)


def speed(folder, model, tokenizer) -> None:
    """Steps against the whole prefix, and int8 against float32."""
    from benchmarks import device

    threads = _THREADS.value
    rows = {"float32": "none", "int8": "dynamic_int8"}
    steps = {
        f"{name} {length}": device.decode_step(folder, file, length, threads)
        for name, file in rows.items()
        for length in (256, device.LENGTH)
    }
    rounds = {name: 40 for name in steps}
    steps["prefix"] = device.prefix_step(folder, threads)
    seconds = device.medians(steps, rounds)
    print(", ".join(f"{name} {1e3 * took:.2f} ms" for name, took in seconds.items()))
    ratio = seconds["prefix"] / seconds["float32 2048"]
    line("float32 step at 2048, times faster than the prefix", ratio, 150, True)
    for length, target in ((256, 3), (2048, 1.2)):
        ratio = seconds[f"float32 {length}"] / seconds[f"int8 {length}"]
        line(f"int8 at {length}, times faster than float32", ratio, target, True)
    took = device.write_music(folder, "dynamic_int8", threads) / device.LENGTH
    print(f"int8, 2,048 tokens with sampling: {1 / took:.0f} tokens/s")
    ratio = seconds["prefix"] / took
    line("int8, mean of 2,048 tokens, times faster than the prefix", ratio, 300, True)


def equality(folder, model, tokenizer) -> None:
    """float32 against the checkpoint, through prefill and decode."""
    from benchmarks.device import path_of
    from tfmusic.export import verify

    drifts = verify.verify_tflite(model, tokenizer, path_of(folder, "none"))
    worst = max(drift.max_difference for drift in drifts.values())
    what = "float32, largest difference of a log-probability from the checkpoint"
    line(what, worst, 5e-5, form="{:.1e}")


def memory(folder, model, tokenizer) -> None:
    """The peak of a process that reads 2,048 tokens, against file and cache."""
    from benchmarks.device import ALONE, LENGTH, path_of

    config = model.config
    cache = 4 * 2 * config.num_layers * config.hidden_dim * LENGTH
    for name, rows, how in (
        ("dynamic_int8", 1, "a cache that grows"),
        ("dynamic_int8", LENGTH, "the cache reserved"),
        (ALONE, LENGTH, "the cache reserved, exported with --chunk=1"),
    ):
        path = path_of(folder, name)
        code = MEMORY.format(
            here=os.getcwd(),
            path=path,
            threads=_THREADS.value,
            rows=rows,
            length=LENGTH,
        )
        peak = int(_run(code))
        weight = os.path.getsize(path) + cache
        what = f"int8, peak memory of 2,048 tokens, times file and cache, {how}"
        line(what, peak / weight, 1.5)


def server(folder, model, tokenizer) -> None:
    """`generate` of the SavedModel under XLA against the plain graph."""
    from benchmarks.server import xla_ratios

    for batch, ratio, target in xla_ratios(model, tokenizer):
        what = f"SavedModel, batch {batch}, times faster under XLA"
        line(what, ratio, target, True)


def trained(folder, model, tokenizer) -> None:
    """Drift and first note of a trained run."""
    if not _MODEL_DIR.value:
        print("no --model_dir: no drift, no first note")
        return
    from benchmarks.device import path_of
    from tfmusic.export import quantization, tflite, verify
    from tfmusic.export.held_out import load_music
    from tfmusic.training.run import load_run

    run = load_run(_MODEL_DIR.value, kind="decoder")
    music = load_music(run, _DATA_DIR.value, input=_INPUT.value)
    for name in quantization.QUANTIZATIONS:
        path = path_of(folder, f"trained_{name}")
        tflite.convert(run.model, run.tokenizer, path, name, music.calibration)
        drift = verify.verify_tflite(run.model, run.tokenizer, path, music.held_out)
        print(f"{name}, on held-out music: {drift['held_out']}", flush=True)
        if name in ("dynamic_int8", "mixed_int4"):
            target = {"dynamic_int8": 0.005, "mixed_int4": 0.02}[name]
            change = drift["held_out"].nats_change
            line(f"{name}, change of nats per token", change, target, form="{:.1e}")
        if name == "dynamic_int8":
            kl, agreement = drift["held_out"].mean_kl, drift["held_out"].top1_agreement
            line(f"{name}, mean KL", kl, 1e-3, form="{:.1e}")
            line(f"{name}, top-1 agreement", agreement, 0.97, True, "{:.3f}")
    code = FIRST_NOTE.format(
        here=os.getcwd(), path=path_of(folder, "trained_dynamic_int8")
    )
    parts = min(
        (_run(code).split() for _ in range(5)), key=lambda x: sum(map(float, x))
    )
    parts = [float(part) for part in parts]
    what = "import {:.2f}, load {:.3f}, first note {:.3f}: seconds in all"
    line(what.format(*parts), sum(parts), 1)


PARTS = {
    part.__name__: part for part in (sizes, speed, equality, memory, server, trained)
}


def _run(code: str) -> str:
    """What another process prints."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise UserError(f"a process failed: {result.stderr.strip().splitlines()[-1]}")
    return result.stdout


def main() -> None:
    names = _ONLY.value or list(PARTS)
    unknown = sorted({*names} - {*PARTS})
    if unknown:
        raise UserError(f"no part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    import_tensorflow()
    from benchmarks import device

    model, tokenizer = device.make_model()
    with tempfile.TemporaryDirectory() as folder:
        if set(names) - {"server", "trained"}:
            device.write_files(folder, model, tokenizer)
        for name in names:
            PARTS[name](folder, model, tokenizer)


if __name__ == "__main__":
    run_command(main, __doc__)
