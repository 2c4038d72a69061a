"""What XLA makes of a SavedModel's `generate`."""

import statistics
import tempfile
import time
from collections.abc import Iterator

import tensorflow as tf

from tfmusic.export.saved_model import save_model

NUM_ROWS = 2048  # of the cache
NUM_TOKENS = 128  # that are drawn
TARGETS = {1: 2.0, 8: 4.0}  # by batch


def xla_ratios(model, tokenizer) -> Iterator[tuple[int, float, float]]:
    """The batch, how many times faster it is under XLA, and the target.

    Medians of three calls that take turns, without compilation.
    """
    # A piece that ends early would be quicker: EOS must not be drawn.
    bias = model.logits_dense.bias
    bias.assign(tf.tensor_scatter_nd_update(bias, [[1]], [-1e9]))
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, folder, tokenizer)
        loaded = tf.saved_model.load(folder)
    # What the signature calls: here the cache may be longer than what is drawn.
    plain = loaded.continue_primes
    compiled = tf.function(plain, jit_compile=True)
    for batch, target in TARGETS.items():
        uniforms = tf.random.stateless_uniform([NUM_ROWS, batch], [0, 1])
        inputs = [tf.zeros([batch, 0], tf.int32), tf.zeros([batch], tf.int32), uniforms]
        inputs += [tf.constant(value) for value in (NUM_TOKENS, 1.0, 0, 0.95, 0.0, 1.0)]
        seconds = {plain: [], compiled: []}
        for turn in range(4):
            for function, times in seconds.items():
                begin = time.perf_counter()
                function(*inputs).numpy()
                if turn:  # the first one compiles
                    times.append(time.perf_counter() - begin)
        slow, fast = map(statistics.median, seconds.values())
        print(
            f"batch {batch}: plain {batch * NUM_TOKENS / slow:.0f} tokens/s, "
            f"XLA {batch * NUM_TOKENS / fast:.0f} tokens/s"
        )
        yield batch, slow / fast, target
