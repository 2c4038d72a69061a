"""The training loop, one for every strategy of tf.distribute."""

import json
import os

import keras
import tensorflow as tf

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets import registry
from tfmusic.datasets.augment import Augmentation
from tfmusic.datasets.packing import packed_training_batches
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.pipeline import training_batches
from tfmusic.errors import UserError
from tfmusic.models import make_model
from tfmusic.tokenizers import Tokenizer
from tfmusic.training import checks, run
from tfmusic.training.objectives import OBJECTIVES
from tfmusic.training.progress import Progress
from tfmusic.training.step import TrainStep, make_optimizer

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
    replicas = strategy.num_replicas_in_sync
    checks.check_settings(model_config, train_config, tokenizer, replicas)
    checks.check_resumable(model_dir, model_config, train_config, tokenizer)
    keras.utils.set_random_seed(train_config.seed)
    dtype = "mixed_bfloat16" if train_config.dtype == "bfloat16" else "float32"
    with strategy.scope():
        model = make_model(model_config, dtype)
        checks.check_features(model, tokenizer)
        checks.check_data(model, train_config)
        optimizer = make_optimizer(train_config)
        optimizer.build(model.trainable_variables)
    checkpoints = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model, optimizer=optimizer),
        os.path.join(model_dir, "checkpoints"),
        max_to_keep=2,
    )
    _restore(checkpoints)
    first_step = int(optimizer.iterations.numpy())
    best = run.read_best(model_dir)
    if not best and first_step >= train_config.steps:
        raise UserError(
            f"{model_dir} is at step {first_step} already and was never evaluated: "
            "give more --steps"
        )

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
    evaluator = OBJECTIVES[model.kind].evaluator(
        model, tokenizer, pieces["validation"], xla=train_config.xla
    )
    # Not before: what can't be trained leaves no settings behind to be resumed.
    run.write_settings(model_dir, model_config, train_config, tokenizer)
    progress = Progress(first_step, train_config.steps)
    progress.say(
        f"{model.count_params():,} parameters, {pieces['train'].num_tokens:,} tokens "
        f"to train on, {type(strategy).__name__} x {replicas}"
        + (f", from step {first_step}" if first_step else "")
    )
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
            checks.check_finite(done, mean, norm, optimizer.learning_rate)
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
                score = scores["nats_per_token"]
                checks.check_finite(done, score, norm, optimizer.learning_rate)
                log.write(done, "validation", scores)
                better = not best or score < best["nats_per_token"]
                if better:
                    best = {"step": done, **scores}
                    run.save_best(model, model_dir, best)
                progress.say(
                    f"step {done}: validation {score:.4f} nats/token, "
                    f"accuracy {scores['accuracy']:.1%}"
                    + (" (best so far)" if better else "")
                )
            if checkpoint:
                checkpoints.save(checkpoint_number=done)
    return {
        **best,
        "parameters": model.count_params(),
        "tokens_per_second": progress.tokens_per_second,
    }


def _restore(checkpoints):
    """Restores the latest checkpoint, if there is one, to the last variable."""
    path = checkpoints.latest_checkpoint
    if not path:
        return
    try:
        status = checkpoints.checkpoint.restore(path)
        status.assert_existing_objects_matched().assert_consumed()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"{path} does not hold this run's model and optimizer: train in another "
            "--model_dir"
        ) from error


def _batches(pieces, model, tokenizer, config, strategy, first_step):
    """An iterator over the strategy's batches, from `first_step` on."""
    dataset = registry.get_dataset(config.dataset)
    windows = OBJECTIVES[model.kind].windows(
        pieces,
        tokenizer,
        model.feature_names,
        config.length,
        Augmentation(
            config.transpose,
            config.stretches,
            config.velocity_shift,
            dataset.pitch_range,
        ),
    )
    make_batches = packed_training_batches if config.packing else training_batches

    def make(context):
        # A pipeline feeds the replicas of one worker.
        return make_batches(
            windows,
            batch_size=config.batch_size,
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
