"""Times a training step of chorale_tiny and its neighbors, and against plain Keras.

Usage:
  python -m benchmarks.training [--only=neighbors,plain,profile] [--cpu=0]

`neighbors`: each row is a change of the preset: milliseconds a step, tokens a second,
and the ratio of its tokens per second to the preset's. `plain`: 6 layers, hidden 256,
feed-forward 1024, 4 heads, windows of 2,048, batch 2, relative attention in float32, in
this package and as plain Keras code (`benchmarks/plain_step.py`), and what share of a
large matrix product's speed each reaches; of attention half of the logits count, those
that are not masked. `profile`: what XLA's operations take of such a step in blocks, all
of it but the update.

Rows take turns, so that a machine whose speed drifts does so for all of them. Times are
the processor's, which other programs hardly change.
"""

import dataclasses
import os
import statistics
import time

from absl import flags

from benchmarks import xla_profile
from tfmusic.errors import UserError, run_command
from tfmusic.quiet import import_tensorflow

ROUNDS = 5
BATCH_SIZE = 2  # of long windows
BLOCK_SIZES = (128, 256, 512)
VARIANTS = {
    "chorale_tiny": {},
    "without XLA": {"xla": False},
    "bfloat16": {"dtype": "bfloat16"},
    "bfloat16 without XLA": {"dtype": "bfloat16", "xla": False},
    "batch 8": {"batch_size": 8},
    "windows of 256, batch 8": {"batch_size": 8, "length": 256, "max_length": 256},
    "2 heads": {"num_heads": 2},
    "3 layers": {"num_layers": 3},
    "dropout 0.1": {"dropout": 0.1},
    "Muon": {"optimizer": "muon"},
    "no relative term": {"mixer": "causal"},
}
PLAIN_TARGET = 1.35


def own_step(preset, changes):
    """A function of one training step on random tokens."""
    import numpy as np
    import tensorflow as tf

    from benchmarks.training_step import TimedStep

    model_fields = {field.name for field in dataclasses.fields(preset.model)}
    in_model = {key: changes[key] for key in changes.keys() & model_fields}
    in_train = {key: changes[key] for key in changes.keys() - model_fields}
    train_config = dataclasses.replace(preset.train, **in_train)
    step = TimedStep(dataclasses.replace(preset.model, **in_model), train_config)
    shape = (train_config.batch_size, train_config.length)
    rng = np.random.default_rng(0)
    tokens = tf.constant(rng.integers(3, 50, shape), tf.int32)
    features = {
        name: tf.constant(rng.integers(0, size, shape), tf.int32)
        for name, size in step.model.config.features.items()
    }
    batch = ({"tokens": tokens, **features}, tokens, tf.ones(shape))
    return lambda: step(batch)


def medians(steps):
    """Seconds of the processor for each step, taking turns."""
    seconds = {name: [] for name in steps}
    for step in steps.values():
        step()
        step()
    for _ in range(ROUNDS):
        for name, step in steps.items():
            start = time.process_time()
            step()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def neighbors():
    """Rows of `VARIANTS`."""
    from tfmusic.presets import PRESETS

    preset = PRESETS["chorale_tiny"]
    steps = {name: own_step(preset, changes) for name, changes in VARIANTS.items()}
    tokens = {}
    for name, changes in VARIANTS.items():
        config = {**dataclasses.asdict(preset.train), **changes}
        tokens[name] = config["batch_size"] * config["length"]
    seconds = medians(steps)
    preset_speed = tokens["chorale_tiny"] / seconds["chorale_tiny"]
    for name, median in seconds.items():
        speed = tokens[name] / median
        print(
            f"{name:24} {median * 1e3:6.0f} ms {speed:8,.0f} tokens/s "
            f"{speed / preset_speed:5.2f}",
            flush=True,
        )


def long_preset():
    """Long windows, 6 layers: what is measured against plain Keras."""
    from tfmusic.presets import PRESETS

    preset = PRESETS["piano"]
    model = dataclasses.replace(
        preset.model,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=1024,
        dropout=0.0,
    )
    return dataclasses.replace(preset, model=model)


def plain():
    """The package's step of relative attention against plain Keras."""
    import numpy as np

    from benchmarks.piano import operations_per_token
    from benchmarks.plain_step import make_plain_step

    model = long_preset().model
    shape = (BATCH_SIZE, model.max_length)
    tokens = np.random.default_rng(0).integers(3, 50, shape).astype("int32")

    def keras_step(jit_compile):
        step = make_plain_step(model, shape[0], jit_compile)
        return lambda: step(tokens)

    def own(block_size):
        changes = {"batch_size": BATCH_SIZE, "attention_block_size": block_size}
        return own_step(long_preset(), changes)

    steps = {
        "plain Keras, XLA": keras_step(True),
        "plain Keras, without XLA": keras_step(False),
        "whole windows": own(None),
        **{f"blocks of {size}": own(size) for size in BLOCK_SIZES},
    }
    seconds = medians(steps)
    by_keras = min(median for name, median in seconds.items() if "Keras" in name)
    # A query sees half of the keys on the average.
    operations = operations_per_token(model, model.max_length // 2) * tokens.size
    fastest = matmul_peak()
    print(f"matrix product of 2048 x 2048 x 2048: {fastest / 1e9:,.0f} GFLOP/s")
    for name, median in seconds.items():
        share = operations / median / fastest
        print(
            f"{name:26} {median:6.2f} s {tokens.size / median:8,.0f} tokens/s "
            f"{by_keras / median:5.2f}, {share:.0%} of the peak",
            flush=True,
        )
    ratio = by_keras / min(seconds.values())
    print(
        f"times as fast as plain Keras: {ratio:.2f} (target >= {PLAIN_TARGET})"
        + ("" if ratio >= PLAIN_TARGET else "  MISSED")
    )


def profile():
    """Where a step in blocks spends its time, by XLA's operations."""
    changes = {"batch_size": BATCH_SIZE, "attention_block_size": 256}
    step = own_step(long_preset(), changes)
    step()
    step()
    operations = xla_profile.traced(step)
    total = sum(each.milliseconds for each in operations.values())
    products = sum(each.milliseconds for each in operations.values() if each.is_product)
    print(f"{products / total:.0%} of {total / 1e3:.2f} s are matrix products")
    longest = sorted(operations.items(), key=lambda item: -item[1].milliseconds)
    for name, each in longest[:20]:
        print(
            f"{each.milliseconds:8.0f} ms {each.calls:5} x "
            f"{each.milliseconds / each.calls:7.2f} ms  {name}"
        )


def matmul_peak():
    """Operations a second of the fastest of some matrix products, float32."""
    import tensorflow as tf

    size = 2048
    x = tf.random.normal([size, size])
    seconds = []
    for _ in range(10):
        start = time.process_time()
        tf.matmul(x, x).numpy()
        seconds.append(time.process_time() - start)
    return 2 * size**3 / min(seconds)


PARTS = {"neighbors": neighbors, "plain": plain, "profile": profile}

_ONLY = flags.DEFINE_list("only", list(PARTS), f"Parts: {', '.join(PARTS)}.")
_CPU = flags.DEFINE_integer("cpu", None, "The one core to stay on; by default all.")


def main():
    if unknown := sorted({*_ONLY.value} - {*PARTS}):
        raise UserError(f"--only={unknown[0]}: expected some of {', '.join(PARTS)}")
    if _CPU.value is not None:
        os.sched_setaffinity(0, {_CPU.value})
    import_tensorflow()
    for name in _ONLY.value:
        PARTS[name]()


if __name__ == "__main__":
    run_command(main, __doc__)
