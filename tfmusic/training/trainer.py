"""The training loop, one for every strategy of tf.distribute."""

import dataclasses
import json
import math
import os

import keras
import tensorflow as tf

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.pipeline import Windows, training_batches
from tfmusic.errors import UserError
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import Tokenizer, check_same
from tfmusic.training import run
from tfmusic.training.evaluation import Evaluator
from tfmusic.training.progress import Progress
from tfmusic.training.step import TrainStep, make_optimizer

# Settings that a resumed run may change.
RESUMABLE = {"steps", "evaluate_every", "checkpoint_every"}

# What tf.summary.scalar writes; that function itself needs TensorBoard installed.
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
)


def train(
    model_config: ModelConfig,
    train_config: TrainConfig,
    tokenizer: Tokenizer,
    pieces: dict[str, Pieces],
    model_dir: str,
    strategy: tf.distribute.Strategy,
) -> dict:
    """Trains a model, or goes on with the run that `model_dir` holds.

    Args:
        model_config: the model; its vocabulary is the tokenizer's.
        train_config: the training.
        tokenizer: that made the pieces.
        pieces: the splits "train" and "validation".
        model_dir: the run's folder.
        strategy: of tf.distribute.

    Returns:
        Step and validation scores of the best weights, `parameters`, and
        `tokens_per_second` of this call's training (0 where nothing was left).

    Raises:
        UserError: the settings do not fit each other or the folder's run, or the
            loss is not finite.
    """
    _check(model_config, train_config, tokenizer, strategy)
    _check_resumable(model_dir, model_config, train_config, tokenizer)
    run.write_settings(model_dir, model_config, train_config, tokenizer)
    keras.utils.set_random_seed(train_config.seed)
    dtype = "mixed_bfloat16" if train_config.dtype == "bfloat16" else "float32"
    with strategy.scope():
        model = MusicDecoder(**dataclasses.asdict(model_config), dtype=dtype)
        optimizer = make_optimizer(train_config)
        optimizer.build(model.trainable_variables)
    checkpoints = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model, optimizer=optimizer),
        os.path.join(model_dir, "checkpoints"),
        max_to_keep=2,
    )
    if checkpoints.latest_checkpoint:
        status = checkpoints.checkpoint.restore(checkpoints.latest_checkpoint)
        status.assert_existing_objects_matched().assert_consumed()
    first_step = int(optimizer.iterations)

    step_of_replica = TrainStep(
        model,
        optimizer,
        train_config.clip_norm,
        train_config.label_smoothing,
        train_config.xla,
    )

    @tf.function
    def step(batch):
        nats, tokens, norm = strategy.run(step_of_replica.train_step, args=(batch,))
        return (
            strategy.reduce("sum", nats, axis=None),
            strategy.reduce("sum", tokens, axis=None),
            strategy.reduce("mean", norm, axis=None),
        )

    batches = _batches(
        pieces["train"], model, tokenizer, train_config, strategy, first_step
    )
    evaluator = Evaluator(model, tokenizer, pieces["validation"], xla=train_config.xla)
    progress = Progress(first_step, train_config.steps)
    progress.say(
        f"{model.count_params():,} parameters, {pieces['train'].num_tokens:,} tokens "
        f"to train on, {type(strategy).__name__} x {strategy.num_replicas_in_sync}"
        + (f", from step {first_step}" if first_step else "")
    )
    best = run.read_best(model_dir)
    with _Log(model_dir) as log:
        sums = [0.0, 0.0]
        for index in range(first_step, train_config.steps):
            nats, tokens, norm = step(next(batches))
            done = index + 1
            sums = [sums[0] + nats, sums[1] + tokens]
            if index == first_step:
                float(nats)  # waits for it
                progress.started()
            else:
                progress.count(train_config.batch_size * train_config.length)
            last = done == train_config.steps
            evaluate = last or done % train_config.evaluate_every == 0
            checkpoint = last or done % train_config.checkpoint_every == 0
            if not (evaluate or checkpoint or progress.is_due()):
                continue
            mean = float(sums[0]) / float(sums[1])
            if not math.isfinite(mean) or not math.isfinite(float(norm)):
                raise UserError(
                    f"the loss is not finite at step {done} (gradient norm "
                    f"{float(norm):.3g}, learning rate "
                    f"{float(optimizer.learning_rate):.3g}): lower the learning rate "
                    f"(--set learning_rate=...) and train again in a new --model_dir"
                )
            sums = [0.0, 0.0]
            progress.show(done, mean)
            log.write(
                done,
                "train",
                {
                    "nats_per_token": mean,
                    "gradient_norm": float(norm),
                    "learning_rate": float(optimizer.learning_rate),
                    "tokens_per_second": progress.tokens_per_second,
                },
            )
            if evaluate:
                with progress.paused():
                    scores = evaluator()
                log.write(done, "validation", scores)
                better = not best or scores["nats_per_token"] < best["nats_per_token"]
                if better:
                    best = {"step": done, **scores}
                    run.save_best(model, model_dir, best)
                progress.say(
                    f"step {done}: validation {scores['nats_per_token']:.4f} "
                    f"nats/token, accuracy {scores['accuracy']:.1%}"
                    + (" (best so far)" if better else "")
                )
            if checkpoint:
                checkpoints.save(checkpoint_number=done)
    return {
        **best,
        "parameters": model.count_params(),
        "tokens_per_second": progress.tokens_per_second,
    }


def _check(model_config, train_config, tokenizer, strategy):
    """Refuses settings that do not fit each other, before anything is made."""
    if train_config.length > model_config.max_length:
        raise UserError(
            f"windows of {train_config.length} tokens are longer than the model's "
            f"max_length {model_config.max_length}: --set length or max_length"
        )
    if train_config.batch_size % strategy.num_replicas_in_sync:
        raise UserError(
            f"batch_size {train_config.batch_size} does not divide into "
            f"{strategy.num_replicas_in_sync} replicas: --set batch_size"
        )
    for name, num_values in model_config.features.items():
        if tokenizer.features.get(name) != num_values:
            raise UserError(
                f"the model wants feature {name!r} with {num_values} values; tokenizer "
                f"{tokenizer.name} has {tokenizer.features}: --set features"
            )


def _check_resumable(model_dir, model_config, train_config, tokenizer):
    """Refuses a folder that holds a run with other settings."""
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


def _batches(pieces, model, tokenizer, config, strategy, first_step):
    """An iterator over the strategy's batches, from `first_step` on."""
    windows = Windows(pieces, tokenizer, model.feature_names, config.length)

    def make(context):
        # A pipeline feeds the replicas of one worker.
        return training_batches(
            windows,
            batch_size=config.batch_size,
            transpose=config.transpose,
            seed=config.seed,
            first_step=first_step,
            shard=context.input_pipeline_id,
            num_shards=context.num_input_pipelines,
            rows_per_batch=context.get_per_replica_batch_size(config.batch_size),
        )

    return iter(strategy.distribute_datasets_from_function(make))


class _Log:
    """Scores as lines of JSON and for TensorBoard."""

    def __init__(self, model_dir):
        self._path = os.path.join(model_dir, run.METRICS)
        self._writer = tf.summary.create_file_writer(os.path.join(model_dir, "logs"))

    def __enter__(self):
        self._file = open(self._path, "a", encoding="utf-8")
        return self

    def __exit__(self, *_):
        self._file.close()
        self._writer.close()

    def write(self, step, name, scores):
        """Adds the scores of a step under a name such as "validation"."""
        print(json.dumps({"step": step, "on": name, **scores}), file=self._file)
        self._file.flush()
        with self._writer.as_default(step):
            for key, value in scores.items():
                value = tf.constant(value, tf.float32)
                tf.summary.write(f"{name}/{key}", value, metadata=_SCALAR)
