"""Learning from a model that was trained before: what it expects, what it composes."""

import os
from collections.abc import Collection

import numpy as np
import tensorflow as tf

from tfmusic.config import TrainConfig
from tfmusic.datasets.pieces import Pieces, id_dtype
from tfmusic.datasets.progress import Log, with_progress
from tfmusic.errors import UserError
from tfmusic.files import atomic_path, local_copy
from tfmusic.sampling import ModelGenerator, Sampler
from tfmusic.tokenizers import Tokenizer, check_same
from tfmusic.training import run as runs
from tfmusic.training.interruption import Interruption, Signals, Stop
from tfmusic.training.key_ensemble import KeyEnsemble


class Teacher:
    """Adds what a model expects of the same music to the loss.

    A model whose predictions are averaged over keys is better than in one pass, and
    needs as many passes; a student of the mean needs one. The mean is learned without
    being computed: the loss is linear in the teacher's probabilities, so those in one
    key, drawn anew for each micro-batch, give the mean's gradient on average.

    Args:
        model: the teacher, a MusicDecoder.
        tokenizer: of both.
        keys: number of transpositions, see `KeyEnsemble`.
        weight: of the teacher, 0 to 1.
        seed: of the draws.

    References:
        [Hinton et al., 2015](https://arxiv.org/abs/1503.02531), section 2, for the
        loss (here at temperature 1);
        [Furlanello et al., 2018](https://arxiv.org/abs/1805.04770), section 3, for
        students of the teacher's own size.
    """

    def __init__(
        self, model, tokenizer: Tokenizer, keys: int, weight: float, seed: int
    ):
        self._ensemble = KeyEnsemble(model, tokenizer, keys)
        self.weight = weight
        self.seed = seed

    def blend(self, nats, inputs, logits, draw):
        """The loss of each token.

        Args:
            nats: float32 `[B, T]`, of the music's tokens.
            inputs: of the student, int32 `[B, T]` each.
            logits: float32 `[B, T, V]`, the student's.
            draw: int32 scalar, which decides on the key.

        Returns:
            float32 `[B, T]`: nats, and the cross-entropy with the teacher's
            distribution, each with its weight.
        """
        keys = self._ensemble.keys
        key = tf.random.stateless_uniform(
            [], [self.seed, draw], maxval=keys, dtype=tf.int32, alg="philox"
        )
        # Ids that the key has no room for have no part; the others share all.
        expected = tf.nn.softmax(self._ensemble.in_key(inputs, key))
        log_probabilities = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        taught = -tf.reduce_sum(tf.stop_gradient(expected) * log_probabilities, axis=-1)
        return (1 - self.weight) * nats + self.weight * taught


def bring_teacher(
    pieces: Pieces,
    config: TrainConfig,
    tokenizer: Tokenizer,
    model_dir: str,
    features: Collection[str],
    log: Log,
) -> None:
    """Copies the teacher into a new run's folder, beside what it composes.

    So a training goes on with the same teacher, whatever becomes of the first copy.

    Args:
        pieces: the training split. What is composed is at most as long as the longest
            of its shorter three quarters.
        config: of the training.
        tokenizer: of the student.
        model_dir: the run's folder.
        features: names of the features in the student's inputs.
        log: called with each line of progress.

    Raises:
        UserError: the teacher is not there, no decoder, or reads other ids, features
            that the student does not, fewer tokens than a window has, or no packed
            windows.
        Interruption: after SIGTERM or SIGINT while it composes.

    Reference:
        [Bucila et al., 2006](https://dl.acm.org/doi/10.1145/1150402.1150464), for
        learning from a model on data that is not the training's.
    """
    source = os.path.expanduser(config.teacher)
    teacher = _load(source, config, tokenizer, features)
    folder = os.path.join(model_dir, runs.TEACHER)
    settings = teacher.model_config, teacher.train_config, teacher.tokenizer
    runs.write_settings(folder, *settings)
    runs.save_best(teacher.model, folder, teacher.best)
    if config.teacher_pieces:
        composed = _compose(teacher, pieces, config, log)
        with atomic_path(os.path.join(folder, runs.COMPOSED)) as path:
            composed.save(path)


def load_teacher(
    config: TrainConfig,
    tokenizer: Tokenizer,
    model_dir: str,
    features: Collection[str],
) -> tuple[Teacher, Pieces | None]:
    """The teacher in a run's folder.

    Args:
        config: of the training.
        tokenizer: of the student.
        model_dir: the run's folder.
        features: names of the features in the student's inputs.

    Returns:
        A Teacher, and the Pieces that it composed, None where it composed none.

    Raises:
        UserError: it is gone, or see `bring_teacher`.
    """
    folder = os.path.join(model_dir, runs.TEACHER)
    if not runs.is_run(folder):
        raise UserError(
            f"{folder} is gone, without which the training can't go on: bring it back, "
            "or train in another --model_dir"
        )
    model = _load(folder, config, tokenizer, features).model
    composed = None
    if config.teacher_pieces:
        with local_copy(os.path.join(folder, runs.COMPOSED)) as path:
            composed = Pieces.load(path)
    keys, weight = config.teacher_keys, config.teacher_weight
    return Teacher(model, tokenizer, keys, weight, config.seed), composed


def _load(folder, config, tokenizer, features):
    """A run that can teach the student."""
    run, what = runs.load_run(folder, kind="decoder"), f"teacher={config.teacher}"
    check_same(run.tokenizer, tokenizer, what, "this training")
    model = run.model
    if missing := sorted(set(model.feature_names) - set(features)):
        raise UserError(
            f"{what} reads the feature {missing[0]!r}, which the new model does not: "
            "--set features, or its mixers' options"
        )
    if config.length > model.max_length:
        raise UserError(
            f"{what} reads {model.max_length} tokens at most, windows have "
            f"{config.length}: --set length"
        )
    if config.packing and model.mixers_across_segments:
        raise UserError(
            f"{what}: its mixer {model.mixers_across_segments[0]!r} can't tell the "
            "pieces of a window apart: --set packing=False"
        )
    return run


def _compose(teacher, pieces, config, log):
    num_tokens = int(np.quantile(np.diff(pieces.offsets), 0.75))
    tokenizer = teacher.tokenizer
    generator = ModelGenerator(teacher.model, tokenizer, batch_size=64)
    sampler = Sampler(temperature=config.teacher_temperature)
    empty = [np.zeros(0, np.int32)] * config.teacher_pieces
    stream = generator.stream(empty, num_tokens, sampler, seed=config.seed)
    ids = []
    with Signals() as signals:
        try:
            for piece in with_progress(stream, "pieces composed", log, len(empty)):
                ids.append(piece)
                signals.check()
        except Stop:
            raise Interruption(signals.received, 0) from None
    music = [tokenizer.decode(piece)[0] for piece in ids]
    return Pieces(
        ids=np.concatenate(ids).astype(id_dtype(tokenizer)),
        offsets=np.cumsum([0, *map(len, ids)], dtype=np.int64),
        names=[f"composed_{index}" for index in range(len(ids))],
        num_notes=np.array([len(piece.notes) for piece in music], np.int64),
        seconds=np.array([piece.total_time for piece in music], np.float64),
        unfinished=np.array([len(piece) == num_tokens for piece in ids]),
    )
