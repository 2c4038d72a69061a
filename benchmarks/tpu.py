"""A training step of every contender, to be compiled by a TPU's compiler.

Each contender has a function here of its name, and one that ends in `_bfloat16`. It
gives an object with `train_step`, `optimizer` and `trainable_variables`, and a batch of
static shapes. Traced under `tf.function(jit_compile=True)`, the step is the program of
one core, which the compiler in libtpu takes on any machine.
"""

import dataclasses

import tensorflow as tf

from benchmarks import costs
from benchmarks.contenders import contenders
from tfmusic.models import MusicDecoder
from tfmusic.presets import PRESETS
from tfmusic.training.step import TrainStep, make_optimizer

LENGTH = 512
BATCH_SIZE = 8
NUM_LAYERS = 1  # more are the same operations again, and compile for longer


def training_step(mixer: str, dtype: str = "float32"):
    """The step of a contender, and a batch for it."""
    base = costs.model_config(LENGTH)
    base = dataclasses.replace(base, num_layers=NUM_LAYERS, dropout=0.1)
    config = contenders()[mixer].config(base)
    model = MusicDecoder(**dataclasses.asdict(config), dtype=dtype)
    train_config = PRESETS["piano"].train
    optimizer = make_optimizer(train_config)
    optimizer.build(model.trainable_variables)
    step = TrainStep(model, optimizer, train_config.clip_norm, xla=True)
    tokens = tf.ones((BATCH_SIZE, LENGTH), tf.int32)
    inputs = {name: tokens for name in ("tokens", *model.feature_names)}
    return step, (inputs, tokens, tf.ones(tokens.shape))


def __getattr__(name: str):
    mixer = name.removesuffix("_bfloat16")
    if mixer not in contenders():
        raise AttributeError(f"no contender {mixer!r}; known: {sorted(contenders())}")
    dtype = "float32" if mixer == name else "mixed_bfloat16"
    return lambda: training_step(mixer, dtype)
