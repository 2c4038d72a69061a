"""What can't be trained is refused in one line, before anything is written."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets import registry
from tfmusic.errors import UserError
from tfmusic.models.music_transformer import MusicTransformer
from tfmusic.tokenizers import Tokenizer, check_same
from tfmusic.training import run

# Settings that a resumed run may change.
RESUMABLE = {
    *("steps", "evaluate_every", "checkpoint_every", "log_every"),
    *("init_from", "skip_non_finite", "steps_per_execution", "watch_every"),
    "attention_block_size",  # the same numbers, but for rounding
    "teacher",  # was copied; whether there is one stays
}


def check_settings(
    model_config: ModelConfig,
    train_config: TrainConfig,
    tokenizer: Tokenizer,
    num_replicas: int,
) -> None:
    """Checks that the settings fit each other.

    Raises:
        UserError: they don't.
    """
    if train_config.length > model_config.max_length:
        raise UserError(
            f"windows of {train_config.length} tokens are longer than the model's "
            f"max_length {model_config.max_length}: --set length or max_length"
        )
    if model_config.kind == "infiller" and train_config.length < (
        model_config.max_length
    ):
        raise UserError(
            f"an infiller reads windows of one length, in training as later; length is "
            f"{train_config.length}, max_length {model_config.max_length}: --set both"
        )
    if model_config.kind == "infiller" and train_config.teacher:
        raise UserError("an infiller can't learn from a teacher: --set teacher=")
    accumulation = train_config.accumulation
    if train_config.batch_size % (num_replicas * accumulation):
        raise UserError(
            f"batch_size {train_config.batch_size} does not divide into "
            f"{num_replicas} replicas"
            + (f" x {accumulation} micro-batches" if accumulation > 1 else "")
            + ": --set batch_size"
            + (" or accumulation" if accumulation > 1 else "")
        )
    if not 0 <= train_config.seed < 2**31:
        raise UserError(f"seed {train_config.seed}: expected 0 to {2**31 - 1}")
    for name, num_values in model_config.features.items():
        if tokenizer.features.get(name) != num_values:
            raise UserError(
                f"the model wants feature {name!r} with {num_values} values; tokenizer "
                f"{tokenizer.name} has {tokenizer.features}: --set features"
            )


def check_features(model: MusicTransformer, tokenizer: Tokenizer) -> None:
    """Checks that the tokenizer says all that the model's mixers read.

    Raises:
        UserError: it lacks a feature.
    """
    missing = [name for name in model.feature_names if name not in tokenizer.features]
    if missing:
        raise UserError(
            f"the model's mixers read the feature {missing[0]!r}; tokenizer "
            f"{tokenizer.name} has {sorted(tokenizer.features)}: choose another mixer "
            "or its options"
        )


def check_data(model: MusicTransformer, train_config: TrainConfig) -> None:
    """Checks that the data can be varied and packed as the settings want.

    Raises:
        UserError: it can't.
    """
    dataset = registry.get_dataset(train_config.dataset)
    if train_config.transpose and dataset.is_drums:
        raise UserError(
            f"{train_config.dataset} is drums, which have no other keys: "
            "--set transpose=0"
        )
    if not train_config.packing:
        return
    if model.kind != "decoder":
        raise UserError("an infiller's windows can't be packed: --set packing=False")
    if model.mixers_across_segments:
        raise UserError(
            f"mixer {model.mixers_across_segments[0]!r} can't tell the pieces of a "
            "window apart: --set packing=False, or choose another mixer"
        )


def check_resumable(
    model_dir: str,
    model_config: ModelConfig,
    train_config: TrainConfig,
    tokenizer: Tokenizer,
) -> None:
    """Checks that a folder holds no run, or one with these settings.

    Raises:
        UserError: it holds another; both settings, or tokenizers, are named.
    """
    if not run.is_run(model_dir):
        return
    old_model, old_train, old_tokenizer = run.read_settings(model_dir)
    check_same(old_tokenizer, tokenizer, model_dir, "this training")
    for old, new in ((old_model, model_config), (old_train, train_config)):
        for field in dataclasses.fields(old):
            before, after = getattr(old, field.name), getattr(new, field.name)
            if before != after and field.name not in RESUMABLE:
                raise UserError(
                    f"{model_dir} holds a run with {field.name}={before}, not {after}: "
                    "give its settings again, or another --model_dir"
                )
    if bool(old_train.teacher) != bool(train_config.teacher):
        raise UserError(
            f"{model_dir} holds a run with teacher={old_train.teacher!r}, not "
            f"{train_config.teacher!r}: give its settings again, or another --model_dir"
        )


def check_finite(
    step: int,
    nats_per_token: float,
    learning_rate: Callable[[int], float],
    gradient_norm: float | None = None,
) -> None:
    """Checks that a training has not diverged.

    Args:
        step: that it is at.
        nats_per_token: the loss.
        learning_rate: a step's, by its number.
        gradient_norm: the step's; None for an evaluation, which has no gradient.

    Raises:
        UserError: the loss or the gradient is not finite.
    """
    norm = 0.0 if gradient_norm is None else gradient_norm
    if not math.isfinite(nats_per_token) or not math.isfinite(norm):
        found = "" if gradient_norm is None else f"gradient norm {norm:.3g}, "
        raise UserError(
            f"the loss is not finite at step {step} ({found}"
            f"learning rate {learning_rate(step):.3g}): lower the learning rate "
            "(--set learning_rate=...) and train again in a new --model_dir, or leave "
            "such steps out (--set skip_non_finite=True)"
        )


def check_weights(step: int, model) -> None:
    """Checks that weights are finite, before they are kept.

    Raises:
        UserError: some are not.
    """
    for variable in model.trainable_variables:
        if not np.isfinite(variable.numpy()).all():
            raise UserError(
                f"the weights are not finite at step {step} ({variable.path}): lower "
                "the learning rate (--set learning_rate=...) and train again in a new "
                "--model_dir"
            )
