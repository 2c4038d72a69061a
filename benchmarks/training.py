"""Times a training step of chorale_tiny and of its neighbors, in one run.

Usage:
  python benchmarks/training.py

Each row is a change of the preset: milliseconds a step, tokens a second, and the ratio
of its tokens per second to the preset's. Rows take turns, so that a machine whose speed
drifts does so for all of them.
"""

import dataclasses
import statistics
import time

from tfmusic.quiet import import_tensorflow

import_tensorflow()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from tfmusic.models import MusicDecoder  # noqa: E402
from tfmusic.presets import PRESETS  # noqa: E402
from tfmusic.training.step import TrainStep, make_optimizer  # noqa: E402
from tfmusic.training.strategy import get_strategy  # noqa: E402

ROUNDS = 15
VARIANTS = {
    "chorale_tiny": {},
    "without XLA": {"xla": False},
    "batch 8": {"batch_size": 8},
    "windows of 256, batch 8": {"batch_size": 8, "length": 256, "max_length": 256},
    "2 heads": {"num_heads": 2},
    "3 layers": {"num_layers": 3},
    "dropout 0.1": {"dropout": 0.1},
    "no relative term": {"mixer": "causal"},
}


def make_step(changes):
    """A function of one training step, and its tokens."""
    preset = PRESETS["chorale_tiny"]
    model_fields = {field.name for field in dataclasses.fields(preset.model)}
    in_model = {key: changes[key] for key in changes.keys() & model_fields}
    in_train = {key: changes[key] for key in changes.keys() - model_fields}
    config = dataclasses.replace(preset.train, **in_train)
    model_config = dataclasses.replace(preset.model, **in_model)
    strategy = get_strategy("one_device")
    with strategy.scope():
        model = MusicDecoder(**dataclasses.asdict(model_config))
        optimizer = make_optimizer(config)
        optimizer.build(model.trainable_variables)
    replica = TrainStep(model, optimizer, config.clip_norm, xla=config.xla)
    shape = (config.batch_size, config.length)
    rng = np.random.default_rng(0)
    tokens = tf.constant(rng.integers(3, 50, shape), tf.int32)
    features = {
        name: tf.constant(rng.integers(0, size, shape), tf.int32)
        for name, size in model_config.features.items()
    }
    batch = ({"tokens": tokens, **features}, tokens, tf.ones(shape))
    step = tf.function(lambda: strategy.run(replica.train_step, args=(batch,))[0])
    return lambda: float(step()), config.batch_size * config.length


def main():
    steps = {name: make_step(changes) for name, changes in VARIANTS.items()}
    seconds = {name: [] for name in steps}
    for step, _ in steps.values():
        step()
        step()
    for _ in range(ROUNDS):
        for name, (step, _) in steps.items():
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    speeds = {
        name: steps[name][1] / statistics.median(times)
        for name, times in seconds.items()
    }
    for name, times in seconds.items():
        ratio = speeds[name] / speeds["chorale_tiny"]
        print(
            f"{name:24} {statistics.median(times) * 1e3:6.0f} ms "
            f"{speeds[name]:8,.0f} tokens/s {ratio:5.2f}"
        )


if __name__ == "__main__":
    main()
