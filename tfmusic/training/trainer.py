"""The training loop, one for all strategies."""

import contextlib

import keras
import tensorflow as tf

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets import registry
from tfmusic.datasets.augment import Augmentation
from tfmusic.datasets.packing import packed_training_batches
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.pipeline import training_batches
from tfmusic.datasets.progress import print_line
from tfmusic.tokenizers import Tokenizer
from tfmusic.training import checks, run
from tfmusic.training.execution import Execution
from tfmusic.training.lock import has_locks, run_lock
from tfmusic.training.loop import Loop
from tfmusic.training.objectives import OBJECTIVES
from tfmusic.training.progress import Progress
from tfmusic.training.state import make_state
from tfmusic.training.step import TrainStep
from tfmusic.training.strategy import (
    check_step,
    is_chief,
    is_shared,
    is_tpu,
    losing_workers,
    wait_for_all,
)
from tfmusic.training.teacher import bring_teacher, load_teacher
from tfmusic.training.watch import make_watch


def train(
    model_config: ModelConfig,
    train_config: TrainConfig,
    tokenizer: Tokenizer,
    pieces: dict[str, Pieces],
    model_dir: str,
    strategy: tf.distribute.Strategy,
    watch=None,
) -> dict:
    """Trains a model, or goes on with the run that `model_dir` holds.

    However a run was stopped, it goes on as if it had not been: what comes is a
    function of the settings and the step. Of several workers, one writes.

    Args:
        model_config: the model; its vocabulary is the tokenizer's.
        train_config: the training.
        tokenizer: that made the pieces.
        pieces: the splits "train" and "validation".
        model_dir: the run's folder.
        strategy: of tf.distribute.
        watch: its `after_evaluation(step, scores, log)` is called after each
            evaluation, with the TrainingLog; by default `make_watch` makes it.

    Returns:
        Step and validation scores of the best weights, `parameters`, and
        `tokens_per_second` of this call's training (0 where nothing was left).

    Raises:
        UserError: the settings do not fit each other or the folder's run, another
            process trains in it, it can't be written to, or the loss is not finite.
        Interruption: after SIGTERM or SIGINT; the state is saved.
        WorkerLost: another worker is gone.
    """
    chief = is_chief(strategy)
    replicas = strategy.num_replicas_in_sync
    with (
        losing_workers(strategy),
        run_lock(model_dir) if chief else contextlib.nullcontext(),
    ):
        checks.check_settings(model_config, train_config, tokenizer, replicas)
        checks.check_resumable(model_dir, model_config, train_config, tokenizer)
        keras.utils.set_random_seed(train_config.seed)
        state = make_state(model_config, train_config, tokenizer, model_dir, strategy)
        model, first_step = state.model, state.first_step
        check_step(strategy, first_step, model_dir)
        training_pieces, teacher = _with_teacher(
            pieces["train"], model, tokenizer, train_config, model_dir, strategy
        )
        batches = _batches(
            training_pieces, model, tokenizer, train_config, strategy, first_step
        )
        evaluator = _evaluator(
            state, pieces["validation"], tokenizer, train_config, strategy
        )
        if chief:
            # Not before: what can't be trained leaves no settings to be resumed.
            run.remove_leftovers(model_dir)
            run.write_settings(model_dir, model_config, train_config, tokenizer)
        progress = Progress(first_step, train_config.steps, quiet=not chief)
        if not has_locks(model_dir):
            progress.say(f"{model_dir} can't be locked: let no other training use it")
        progress.say(
            f"{model.count_params():,} parameters, {training_pieces.num_tokens:,} "
            f"tokens to train on, {type(strategy).__name__} x {replicas}"
            + (f", from step {first_step}" if first_step else "")
        )
        if watch is None and chief:
            validation = pieces["validation"]
            watch = make_watch(model, tokenizer, validation, train_config, strategy)
        loop = Loop(
            state,
            train_config,
            model_dir,
            _execution(state, batches, train_config, strategy, teacher),
            train_config.steps_per_execution or (100 if is_tpu(strategy) else 1),
            evaluator,
            progress,
            chief,
            watch,
            is_shared(strategy),
        )
        best = loop.run()
    return {
        **best,
        "parameters": model.count_params(),
        "tokens_per_second": progress.tokens_per_second,
    }


def _with_teacher(pieces, model, tokenizer, config, model_dir, strategy):
    """The training split, with what a teacher composed, and the Teacher or None."""
    if not config.teacher:
        return pieces, None
    features = model.feature_names
    if not run.is_run(model_dir) and is_chief(strategy):
        bring_teacher(pieces, config, tokenizer, model_dir, features, print_line)
    wait_for_all(strategy)
    with strategy.scope():
        teacher, composed = load_teacher(config, tokenizer, model_dir, features)
    if composed:
        pieces = pieces.followed_by(composed)
    return pieces, teacher if config.teacher_weight else None


def _execution(state, batches, config, strategy, teacher):
    """The steps, on every replica."""
    step_of_replica = TrainStep(
        state.model,
        state.optimizer,
        config.clip_norm,
        config.label_smoothing,
        _compiles(config, strategy),
        config.accumulation,
        state.average,
        config.skip_non_finite,
        teacher,
    )
    return Execution(strategy, step_of_replica.train_step, batches)


def _evaluator(state, pieces, tokenizer, config, strategy):
    """What scores the model; every replica takes its share."""
    replicas = strategy.num_replicas_in_sync
    return OBJECTIVES[state.model.kind].evaluator(
        state.model,
        tokenizer,
        pieces.spread(config.evaluate_pieces or len(pieces)),
        batch_size=replicas * max(8 // replicas, 1),
        xla=_compiles(config, strategy),
        strategy=strategy,
    )


def _compiles(config, strategy):
    """Whether a function is compiled by itself: a TPU compiles all there is."""
    return config.xla and not is_tpu(strategy)


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
