"""Graphs of the `piano` preset for a device, and what a step of them takes."""

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfmusic.export import quantization, runtime, tflite
from tfmusic.models import MusicDecoder
from tfmusic.presets import PRESETS
from tfmusic.tokenizers import BOS, NUM_SPECIAL, Tokenizer, get_tokenizer

LENGTH = 2048  # tokens of the longest cache
PREFIX = "prefix"  # the file of a graph without a cache
ALONE = "alone"  # the file whose only signature is `decode`


def make_model() -> tuple[MusicDecoder, Tokenizer]:
    """The preset's model, not trained: sizes and times don't depend on weights."""
    keras.utils.set_random_seed(0)
    tokenizer = get_tokenizer("performance")
    config = dataclasses.replace(
        PRESETS["piano"].model, vocabulary_size=tokenizer.vocabulary.size
    )
    return MusicDecoder(**dataclasses.asdict(config)), tokenizer


def write_files(folder: str, model: MusicDecoder, tokenizer: Tokenizer) -> None:
    """A .tflite for each quantization but "int8", `PREFIX` and `ALONE` (int8)."""
    for name in quantization.QUANTIZATIONS:
        if name != "int8":  # which calibrates for long, and is the size of the other
            tflite.convert(model, tokenizer, path_of(folder, name), name)
    tflite.convert(model, tokenizer, path_of(folder, ALONE), "dynamic_int8", chunk=1)
    function = tf.function(
        lambda tokens: {"logits": model({"tokens": tokens})[:, -1]}, autograph=False
    )
    function = function.get_concrete_function(
        tokens=tf.TensorSpec([1, LENGTH], tf.int32, "tokens")
    )
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    with tempfile.TemporaryDirectory() as saved:
        tf.saved_model.save(module, saved, signatures={PREFIX: function})
        content = quantization.flatbuffer(saved, [PREFIX], "none")
    with open(path_of(folder, PREFIX), "wb") as file:
        file.write(content)


def path_of(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.tflite")


def prefix_step(folder: str, num_threads: int) -> Callable[[], None]:
    """A function that computes the next token's logits from all 2,048 before."""
    interpreter = Interpreter(path_of(folder, PREFIX), num_threads=num_threads)
    interpreter.allocate_tensors()
    (tokens,) = interpreter.get_input_details()
    interpreter.set_tensor(tokens["index"], np.full([1, LENGTH], 60, np.int32))
    return interpreter.invoke


def decode_step(folder: str, name: str, num_rows: int, num_threads: int):
    """A function that reads one token, with a full cache of so many rows."""
    graph = runtime.load(path_of(folder, name), num_threads).graph
    graph.reserve(num_rows)

    def step():
        graph.position = num_rows - 1
        graph.extend({"tokens": np.array([60])})

    return step


def medians(steps: dict[str, Callable], rounds: dict[str, int]) -> dict[str, float]:
    """Median seconds of steps that take turns; a step may run often in a turn."""
    for step in steps.values():
        step()
    seconds = {name: [] for name in steps}
    for _ in range(5):
        for name, step in steps.items():
            for _ in range(rounds.get(name, 1)):
                begin = time.perf_counter()
                step()
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in seconds.items()}


def write_music(folder: str, name: str, num_threads: int, reserve: int = 0) -> float:
    """Seconds to draw 2,048 tokens, sampling included, with a cache that grows.

    Args:
        reserve: rows to begin with.
    """
    model = runtime.load(path_of(folder, name), num_threads)
    model.graph.reserve(max(reserve, 1))
    sampler, rng = runtime.Sampler(top_p=0.95), np.random.default_rng(0)
    token = BOS
    begin = time.perf_counter()
    for uniform in rng.random(LENGTH, np.float32):
        (logits,) = model.graph.extend({"tokens": np.array([token])})
        logits[:NUM_SPECIAL] = runtime.MASKED  # the piece must not end
        token = runtime.sample(logits, uniform, sampler)
    return time.perf_counter() - begin
