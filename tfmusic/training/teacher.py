"""Learning from a model that was trained before: what it expects, what it composes."""

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfmusic.config import TrainConfig
from tfmusic.datasets.pieces import Pieces, id_dtype
from tfmusic.datasets.progress import with_progress
from tfmusic.errors import UserError
from tfmusic.files import atomic_path, is_file, local_copy
from tfmusic.sampling import ModelGenerator
from tfmusic.tokenizers import Tokenizer, check_same
from tfmusic.training.key_ensemble import KeyEnsemble
from tfmusic.training.run import load_run

COMPOSED = "composed.npz"


class Teacher:
    """Adds what a model expects of the same music to the loss.

    A model whose predictions are averaged over keys is better than in one pass, and
    needs as many passes; a student of that mean needs one. The mean is learned without
    being computed: the loss is linear in the teacher's probabilities, so those in one
    key, drawn for each step, give the mean's gradient on average.

    Args:
        model: the teacher, a MusicDecoder.
        tokenizer: of both.
        keys: number of transpositions, see `KeyEnsemble`.
        weight: of the teacher, 0 to 1.

    References:
        [Hinton et al., 2015](https://arxiv.org/abs/1503.02531), section 2, for the
        loss (here at temperature 1);
        [Furlanello et al., 2018](https://arxiv.org/abs/1805.04770), section 3, for
        students of the teacher's own size.
    """

    def __init__(self, model, tokenizer: Tokenizer, keys: int, weight: float):
        self._ensemble = KeyEnsemble(model, tokenizer, keys)
        self.weight = weight

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
            [], [draw, 0], maxval=keys, dtype=tf.int32, alg="philox"
        )
        # Ids that the key has no room for have no part; the others share all.
        expected = tf.nn.softmax(self._ensemble.in_key(inputs, key))
        log_probabilities = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        taught = -tf.reduce_sum(tf.stop_gradient(expected) * log_probabilities, axis=-1)
        return (1 - self.weight) * nats + self.weight * taught


def load_teacher(config: TrainConfig, tokenizer: Tokenizer, features) -> Teacher:
    """The teacher that a training wants.

    Args:
        config: of the training.
        tokenizer: of the student.
        features: names of the features in the student's inputs.

    Raises:
        UserError: it is no decoder, or reads other ids or features than the student.
    """
    run = _load(config)
    what = f"teacher={config.teacher}"
    check_same(run.tokenizer, tokenizer, what, "this training")
    missing = sorted(set(run.model.feature_names) - set(features))
    if missing:
        raise UserError(
            f"{what} reads the feature {missing[0]!r}, which the new model does not: "
            "--set features, or its mixers' options"
        )
    if config.length > run.model.max_length:
        raise UserError(
            f"{what} reads {run.model.max_length} tokens at most, windows have "
            f"{config.length}: --set length"
        )
    return Teacher(run.model, tokenizer, config.teacher_keys, config.teacher_weight)


def _load(config):
    return load_run(os.path.expanduser(config.teacher), kind="decoder")


def with_composed(
    pieces: Pieces,
    config: TrainConfig,
    path: str,
    write: bool,
    log: Callable[[str], None],
) -> Pieces:
    """A split, and behind it the pieces that the teacher composes.

    They are as long as three quarters of the split's pieces are, unless they end
    before that. A resumed run reads the ones that were composed for it.

    Args:
        pieces: the training split.
        config: of the training: who composes how many, and the seed.
        path: the file that keeps them.
        write: whether this process writes it.
        log: called with each line of progress.

    Reference:
        [Bucila et al., 2006](https://dl.acm.org/doi/10.1145/1150402.1150464), for
        learning from a model on data that is not the training's.
    """
    if is_file(path):
        with local_copy(path) as local:
            composed = Pieces.load(local)
    else:
        composed = _compose(pieces, config, log)
        if write:
            with atomic_path(path) as temporary:
                composed.save(temporary)
    return pieces.followed_by(composed)


def _compose(pieces, config, log):
    num_tokens = int(np.quantile(np.diff(pieces.offsets), 0.75))
    run = _load(config)  # again, outside of the strategy's scope
    tokenizer = run.tokenizer
    generator = ModelGenerator(run.model, tokenizer, batch_size=64)
    empty = [np.zeros(0, np.int32)] * config.teacher_pieces
    stream = generator.stream(empty, num_tokens, seed=config.seed)
    ids = list(with_progress(stream, "pieces composed", log, config.teacher_pieces))
    music = [tokenizer.decode(piece)[0] for piece in ids]
    return Pieces(
        ids=np.concatenate(ids).astype(id_dtype(tokenizer)),
        offsets=np.cumsum([0, *map(len, ids)], dtype=np.int64),
        names=[f"composed_{index}" for index in range(len(ids))],
        num_notes=np.array([len(piece.notes) for piece in music], np.int64),
        seconds=np.array([piece.total_time for piece in music], np.float64),
        unfinished=np.array([len(piece) == num_tokens for piece in ids]),
    )
