"""What a contender costs: a training step, a token of decoding."""

import dataclasses
import statistics
import time

import numpy as np
import tensorflow as tf

from benchmarks.contenders import contenders
from benchmarks.memory import PeakMemory
from benchmarks.training_step import TimedStep
from tfmusic.config import ModelConfig
from tfmusic.layers import apply_update
from tfmusic.models import MusicDecoder
from tfmusic.presets import PRESETS

BATCH_SIZE = 2
DECODED = 32  # tokens a call


def model_config(length: int) -> ModelConfig:
    """The size at which costs are compared, for sequences of a length."""
    return ModelConfig(
        vocabulary_size=388,
        num_layers=6,
        num_heads=8,
        hidden_dim=256,
        intermediate_dim=1024,
        max_length=length,
        dropout=0.0,
    )


def training_step(config: ModelConfig):
    """A function of one training step on random tokens, and its model."""
    train_config = dataclasses.replace(
        PRESETS["piano"].train, length=config.max_length, batch_size=BATCH_SIZE
    )
    step = TimedStep(config, train_config)
    rng = np.random.default_rng(0)
    shape = (BATCH_SIZE, config.max_length)
    tokens = tf.constant(rng.integers(3, config.vocabulary_size, shape), tf.int32)
    inputs = {name: tf.ones(shape, tf.int32) for name in step.model.feature_names}
    batch = ({**inputs, "tokens": tokens}, tokens, tf.ones(shape))
    return lambda: step(batch), step.model


def step(mixer: str, length: int) -> dict:
    """Time and memory of a training step."""
    memory = PeakMemory()
    run, model = training_step(contenders()[mixer].config(model_config(length)))
    first = seconds_of(run)
    memory.restart()
    seconds, cpu_seconds = repeat(run)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "compile_seconds": first - seconds,
        "peak_bytes": memory.peak(),
        "parameters": model.count_params(),
    }


def decode(mixer: str, length: int) -> dict:
    """Time of a token at the end of a sequence, one piece at a time."""
    config = contenders()[mixer].config(model_config(length))
    run = decoding(MusicDecoder(**dataclasses.asdict(config)), length)
    first = seconds_of(run)
    seconds, cpu_seconds = repeat(run)
    return {
        "seconds": seconds / DECODED,
        "cpu_seconds": cpu_seconds / DECODED,
        "compile_seconds": first - seconds,
    }


def decoding(model: MusicDecoder, length: int):
    """A function that decodes the last DECODED tokens of a full cache, greedily."""
    empty = model.init_cache(1, length)

    @tf.function(jit_compile=True)
    def run(token, cache, start):
        def body(index, token, cache):
            position = start + index
            inputs = {name: tf.ones_like(token) for name in model.feature_names}
            inputs["tokens"] = token
            logits, update = model.extend(inputs, cache, position)
            cache = apply_update(cache, update, position, model.cache_kinds, True)
            return index + 1, tf.argmax(logits[:, -1:], -1, tf.int32), cache

        _, token, _ = tf.while_loop(
            lambda index, *_: index < DECODED, body, (0, token, cache)
        )
        return token

    start = tf.constant(length - DECODED)  # known at run time only, as in decoding
    return lambda: run(tf.constant([[3]]), empty, start).numpy()


def seconds_of(run) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def repeat(run, at_least: int = 3, at_most: int = 20, until: float = 6.0):
    """Medians of the wall time and the processor's time of some calls."""
    seconds, cpu_seconds = [], []
    while len(seconds) < at_least or (len(seconds) < at_most and sum(seconds) < until):
        start = time.process_time()
        seconds.append(seconds_of(run))
        cpu_seconds.append(time.process_time() - start)
    return statistics.median(seconds), statistics.median(cpu_seconds)
