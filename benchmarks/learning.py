"""How well a contender learns the standard chorales in a given number of steps."""

import dataclasses
import sys
import time

import keras
import tensorflow as tf

from benchmarks.contenders import contenders
from benchmarks.training_step import TimedStep
from tfmusic.datasets.augment import Augmentation
from tfmusic.datasets.pieces import load_pieces
from tfmusic.datasets.pipeline import training_batches
from tfmusic.datasets.windows import Windows
from tfmusic.presets import PRESETS
from tfmusic.tokenizers import get_tokenizer
from tfmusic.training.evaluation import Evaluator

EQUAL_STEPS = 600
EQUAL_SECONDS = 600.0  # of one core
TIMED_STEPS = 15


def learn(mixer: str, length: int, equal: str, data: str, data_dir: str) -> dict:
    """Trains a contender at `chorale_tiny`'s width and scores the validation split.

    Time is that of the processor, which other programs hardly change.

    Args:
        mixer: the contender's name.
        length: tokens of a window.
        equal: "steps" for EQUAL_STEPS, "time" for as many as take EQUAL_SECONDS.
        data: the user's file of jsb_chorales.
        data_dir: where prepared data is kept.
    """
    preset = PRESETS["chorale_tiny"]
    train_config = dataclasses.replace(
        preset.train, dataset="jsb_chorales", length=length, batch_size=4, seed=0
    )
    base = dataclasses.replace(preset.model, max_length=length)
    tokenizer = get_tokenizer(train_config.tokenizer)
    train, validation = (
        load_pieces("jsb_chorales", split, tokenizer, data_dir, data)
        for split in ("train", "validation")
    )
    keras.utils.set_random_seed(train_config.seed)
    step = TimedStep(contenders()[mixer].config(base), train_config)
    augmentation = Augmentation(train_config.transpose)
    windows = Windows(train, tokenizer, step.model.feature_names, length, augmentation)
    batches = training_batches(
        windows, batch_size=train_config.batch_size, seed=train_config.seed
    )

    # The steps are timed first, on weights that are then given back.
    start_weights = [variable.numpy() for variable in step.model.variables]
    trial = iter(batches)
    step(next(trial))
    start = time.process_time()
    for _ in range(TIMED_STEPS):
        step(next(trial))
    step_seconds = (time.process_time() - start) / TIMED_STEPS
    for variable, value in zip(step.model.variables, start_weights, strict=True):
        variable.assign(value)

    steps = EQUAL_STEPS if equal == "steps" else round(EQUAL_SECONDS / step_seconds)
    step.start(steps)
    start, said = time.process_time(), time.monotonic()
    losses = []
    for index, batch in zip(range(steps), batches, strict=False):
        losses.append(step(batch))
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(
                f"{mixer}: step {index + 1} of {steps}, {losses[-1]:.3f}",
                file=sys.stderr,
            )
    seconds = time.process_time() - start
    evaluator = Evaluator(
        step.model, tokenizer, validation, batch_size=8, stride=length // 2, xla=True
    )
    scores = evaluator()
    last = losses[-20:]
    return {
        "nats_per_token": scores["nats_per_token"],
        "tokens": scores["num_tokens"],
        "training_nats_per_token": float(sum(last) / len(last)),
        "steps": steps,
        "step_seconds": step_seconds,
        "seconds": seconds,
        "parameters": step.model.count_params(),
        "tensorflow": tf.__version__,
    }
