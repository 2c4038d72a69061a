"""A training step of every preset and mixer, compiled for a TPU without one.

Usage:
  python -m benchmarks.tpu --compiler=PROGRAM [--only=preset_piano,...]

Prints a Markdown table: memory of one core, and what the compiler expects of work and
time. PROGRAM takes `MODULE:FUNCTION` and a topology. It calls the function for an
object with `train_step`, `optimizer` and `trainable_variables` and for a batch of
static shapes, traces the step under `tf.function(jit_compile=True)` and gives it to the
compiler in libtpu, which works on any machine. It prints lines such as
`temporary 12.0 MiB`, or `REFUSED` with the reason.

The step is one replica's: what goes between replicas is not in it. This module has a
function for every name of `steps()`. Rows are added to --output as they come, and what
is there is not compiled again.
"""

import dataclasses
import os
import re
import subprocess
import sys
import time

from absl import flags

from benchmarks import cells
from benchmarks.contenders import contenders
from benchmarks.tables import markdown
from tfmusic.config import ModelConfig
from tfmusic.errors import UserError, run_command
from tfmusic.models.mixers import ENCODER_MIXERS
from tfmusic.presets import PRESETS

_COMPILER = flags.DEFINE_string("compiler", None, "The program that compiles a step.")
_TOPOLOGY = flags.DEFINE_string("topology", "v5e:2x2", "The TPU to compile for.")
_ONLY = flags.DEFINE_list("only", None, "Steps by name; by default all.")
_OUTPUT = flags.DEFINE_string("output", "out/tpu.jsonl", "The rows.")
_RETRY = flags.DEFINE_bool("retry", False, "Compile again what failed.")

REPLICAS = 8  # that a preset's batch is divided by
MEMORY = 16 * 1024  # MiB of a v5e's chip
LENGTH = 512  # of the mixers' windows
BATCH_SIZE = 8  # windows of the mixers' step
TEACHER_KEYS = 7
NUM_LAYERS = 1  # of the mixers; more are the same operations again


@dataclasses.dataclass(frozen=True)
class Step:
    """A model and how one replica trains it.

    Attributes:
        model: its config.
        batch_size: windows of one replica's step.
        length: of a window.
        dtype: a dtype policy.
        accumulation: micro-batches.
        optimizer: its name.
        ema: decay of the weights' average, 0 for none.
        teacher_keys: that a teacher of the same size hears chorales in, 0 for none.
    """

    model: ModelConfig
    batch_size: int
    length: int
    dtype: str = "float32"
    accumulation: int = 1
    optimizer: str = "adamw"
    ema: float = 0.0
    teacher_keys: int = 0


def steps() -> dict[str, Step]:
    """All that can be compiled, by name."""
    plain = {}
    for name, preset in PRESETS.items():
        length, windows = preset.train.length, preset.train.batch_size
        each = Step(
            preset.model,
            max(windows // REPLICAS, 1),
            length,
            optimizer=preset.train.optimizer,
            ema=preset.train.ema,
        )
        plain[f"preset_{name}"] = each
        if length >= 1024:  # all of the batch on one core
            plain[f"preset_{name}_accumulated"] = dataclasses.replace(
                each, batch_size=windows, accumulation=windows // each.batch_size
            )
            blockwise = dataclasses.replace(preset.model, attention_block_size=256)
            plain[f"preset_{name}_blockwise"] = dataclasses.replace(
                each, model=blockwise
            )
    plain["preset_jsb_taught"] = dataclasses.replace(
        plain["preset_jsb"], teacher_keys=TEACHER_KEYS
    )
    base = ModelConfig(
        vocabulary_size=388,
        num_layers=NUM_LAYERS,
        num_heads=8,
        hidden_dim=256,
        intermediate_dim=1024,
        max_length=LENGTH,
        dropout=0.1,
    )
    models = {name: each.config(base) for name, each in contenders().items()}
    for name in ENCODER_MIXERS:
        models[name] = dataclasses.replace(base, kind="infiller", mixer=name)
    for name, model in models.items():
        plain[name] = Step(model, BATCH_SIZE, LENGTH)
    return {
        name + suffix: dataclasses.replace(step, dtype=dtype)
        for suffix, dtype in (("", "float32"), ("_bfloat16", "mixed_bfloat16"))
        for name, step in plain.items()
    }


def make_step(step: Step):
    """One replica's step as training makes it, and a batch for it."""
    import tensorflow as tf

    from tfmusic.models import make_model
    from tfmusic.tokenizers import ChoraleTokenizer
    from tfmusic.training.averaging import WeightAverage
    from tfmusic.training.step import TrainStep, make_optimizer
    from tfmusic.training.teacher import Teacher

    model = make_model(step.model, step.dtype)
    train_config = dataclasses.replace(PRESETS["piano"].train, optimizer=step.optimizer)
    optimizer = make_optimizer(train_config)
    optimizer.build(model.trainable_variables)
    teacher = None
    if keys := step.teacher_keys:
        teaching = make_model(step.model)  # in float32, as one is loaded
        teacher = Teacher(teaching, ChoraleTokenizer(), keys, weight=0.5, seed=0)
    replica = TrainStep(
        model,
        optimizer,
        train_config.clip_norm,
        xla=True,
        accumulation=step.accumulation,
        average=WeightAverage(model, step.ema) if step.ema else None,
        teacher=teacher,
    )
    tokens = tf.ones((step.batch_size, step.length), tf.int32)
    inputs = {name: tokens for name in ("tokens", *model.feature_names)}
    return replica, (inputs, tokens, tf.ones(tokens.shape))


def __getattr__(name: str):
    known = steps()
    if name not in known:
        raise AttributeError(f"no step {name!r}; known: {sorted(known)}")
    return lambda: make_step(known[name])


def compile_step(name: str, compiler: str, topology: str) -> dict:
    """What the compiler says of a step: numbers, or `failed` with its reason."""
    command = [compiler, f"{__spec__.name}:{name}", topology]
    environment = {**os.environ, "PYTHON": sys.executable}
    start = time.monotonic()
    try:
        result = subprocess.run(
            command, cwd=cells.ROOT, env=environment, capture_output=True, text=True
        )
    except OSError as error:
        raise UserError(f"--compiler={compiler}: {error.strerror}") from error
    found = re.findall(
        r"^(arguments|temporary|flops|bytes|estimated) +(\S+)", result.stdout, re.M
    )
    if result.returncode or not found:
        *_, reason = (result.stdout + result.stderr).strip().splitlines() or ["nothing"]
        refused = re.search("REFUSED.*", result.stdout)
        return {"failed": (refused[0] if refused else reason)[:300]}
    numbers = {key: float(value) for key, value in found}
    return {**numbers, "seconds": round(time.monotonic() - start)}


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    header = ["step", "windows", "arguments, MiB", "temporary, MiB", "of 16 GiB"]
    header += ["GFLOP", "GB moved", "estimate, ms"]
    lines = []
    for row in rows:
        line = [row["step"], f"{row['batch_size']} x {row['length']}"]
        if "failed" in row:
            lines.append(line + [row["failed"], *[""] * 5])
            continue
        needed = row["arguments"] + row["temporary"]
        estimate = row.get("estimated")
        lines.append(
            line
            + [f"{row['arguments']:,.0f}", f"{row['temporary']:,.0f}"]
            + [f"{needed / MEMORY:.1%}"]
            + [f"{row['flops'] / 1e9:,.1f}", f"{row['bytes'] / 1e9:,.2f}"]
            + ["" if estimate is None else f"{estimate:,.2f}"]
        )
    return markdown(header, lines)


def main() -> None:
    known = steps()
    names = _ONLY.value or [*known]
    unknown = sorted({*names} - {*known})
    if unknown:
        raise UserError(f"no step {unknown[0]!r}: choose from {', '.join(known)}")
    os.makedirs(os.path.dirname(os.path.abspath(_OUTPUT.value)), exist_ok=True)
    keys = ("step", "topology")
    rows = cells.read_rows(_OUTPUT.value, keys)
    for name in names:
        row = {"step": name, "topology": _TOPOLOGY.value}
        old = rows.get(cells.key(row, keys))
        if old and not (_RETRY.value and "failed" in old):
            continue
        if not _COMPILER.value:
            raise UserError(f"{name} was not compiled yet: give --compiler=PROGRAM")
        step = known[name]
        row |= {"batch_size": step.batch_size, "length": step.length}
        row |= compile_step(name, _COMPILER.value, _TOPOLOGY.value)
        cells.append_row(_OUTPUT.value, row)
        rows[cells.key(row, keys)] = row
        print(f"{name}: {row.get('failed', 'compiled')}", file=sys.stderr, flush=True)
    wanted = [rows.get((name, _TOPOLOGY.value)) for name in names]
    print(table([row for row in wanted if row]))


if __name__ == "__main__":
    run_command(main, __doc__)
