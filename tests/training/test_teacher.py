"""Learning from another model, against the mean over keys, and what it composes."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.windows import Windows
from tfmusic.errors import UserError
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import EOS
from tfmusic.training import run as runs
from tfmusic.training.key_ensemble import KeyEnsemble
from tfmusic.training.loss import token_nats
from tfmusic.training.teacher import Teacher, load_teacher, with_composed
from tfmusic.training.trainer import train

BEST = {"step": 1, "nats_per_token": 1.0}


def make_model(seed, **changes):
    keras.utils.set_random_seed(seed)
    model = MusicDecoder(**dataclasses.asdict(dataclasses.replace(MODEL, **changes)))
    for variable in model.trainable_variables:  # so that keys differ
        variable.assign(variable + 0.5 * keras.random.normal(variable.shape))
    return model


@pytest.fixture(scope="module")
def teacher_dir(tmp_path_factory):
    """A run's folder, whose model draws EOS often enough."""
    folder = str(tmp_path_factory.mktemp("teacher"))
    runs.write_settings(folder, MODEL, TRAIN, TOKENIZER)
    runs.save_best(make_model(3), folder, BEST)
    return folder


def taught(teacher_dir, **changes):
    return dataclasses.replace(TRAIN, teacher=teacher_dir, **changes)


def make_batch():
    windows = Windows(make_pieces(40, 30), TOKENIZER, ("beat",), TRAIN.length)
    index = tf.constant([0, 1], tf.int64)
    none = tf.zeros(2, tf.int64)
    return windows.cut(index, none, tf.zeros(2, tf.int32), none)


def test_its_mean_over_draws_is_the_loss_of_the_mean_over_keys():
    model, student = make_model(3), make_model(4)
    inputs, targets, _ = make_batch()
    logits = student(inputs, training=False)
    nats = token_nats(logits, targets)
    teacher = Teacher(model, TOKENIZER, keys=3, weight=0.25)
    ensemble = KeyEnsemble(model, TOKENIZER, 3)
    in_keys = {}
    for key in range(3):
        expected = tf.nn.softmax(ensemble.in_key(inputs, key)).numpy()
        crossed = -(expected * tf.nn.log_softmax(logits).numpy()).sum(-1)
        in_keys[key] = 0.75 * nats.numpy() + 0.25 * crossed
    seen = set()
    for draw in range(20):
        loss = teacher.blend(nats, inputs, logits, tf.constant(draw)).numpy()
        (key,) = [k for k, x in in_keys.items() if np.allclose(loss, x, rtol=1e-4)]
        seen.add(key)
    assert seen == {0, 1, 2}


def test_a_student_of_itself_alone_has_no_gradient():
    model = make_model(3)
    inputs, targets, _ = make_batch()
    teacher = Teacher(model, TOKENIZER, keys=1, weight=1.0)
    with tf.GradientTape() as tape:
        logits = model(inputs, training=False)
        nats = token_nats(logits, targets)
        loss = tf.reduce_sum(teacher.blend(nats, inputs, logits, tf.constant(0)))
    for gradient in tape.gradient(loss, model.trainable_variables):
        np.testing.assert_allclose(tf.convert_to_tensor(gradient), 0, atol=1e-5)


def test_a_run_that_goes_on_equals_an_unbroken_one(teacher_dir, tmp_path):
    config = taught(teacher_dir, teacher_keys=3, teacher_pieces=3, checkpoint_every=2)
    pieces = {"train": make_pieces(40, 30), "validation": make_pieces(20, seed=1)}
    strategy = tf.distribute.get_strategy()

    def run(folder, steps):
        steps = dataclasses.replace(config, steps=steps)
        return train(MODEL, steps, TOKENIZER, pieces, str(folder), strategy)

    unbroken = run(tmp_path / "unbroken", 4)
    run(tmp_path / "broken", 2)
    composed = tmp_path / "broken" / "composed.npz"
    written = composed.stat().st_mtime_ns
    assert run(tmp_path / "broken", 4)["nats_per_token"] == unbroken["nats_per_token"]
    assert composed.stat().st_mtime_ns == written


def test_composed_pieces_follow_the_split_and_end_where_the_teacher_ended_them(
    teacher_dir, tmp_path
):
    split = make_pieces(24, 8)
    config = taught(teacher_dir, teacher_pieces=70)
    path = str(tmp_path / "composed.npz")
    both = with_composed(split, config, path, True, lambda line: None)
    assert len(both) == 72
    np.testing.assert_array_equal(both.ids[:32], split.ids)
    longest = 20  # the quantile of 8 and 24
    lengths = np.diff(both.offsets)[2:]
    assert lengths.max() == longest
    np.testing.assert_array_equal(both.unfinished[2:], lengths == longest)
    assert not both.unfinished[:2].any()
    assert 0 < both.unfinished.sum() < 70
    again = with_composed(split, config, path, False, lambda line: None)
    np.testing.assert_array_equal(again.ids, both.ids)
    np.testing.assert_array_equal(again.offsets, both.offsets)


def test_what_is_unfinished_is_not_said_to_end():
    pieces = make_pieces(6, 6)
    cut = dataclasses.replace(pieces, unfinished=np.array([False, True]))
    windows = Windows(cut, TOKENIZER, ("beat",), 16)
    none = tf.zeros(2, tf.int64)
    index = tf.constant([0, 1], tf.int64)
    _, targets, weights = windows.cut(index, none, tf.zeros(2, tf.int32), none)
    assert (targets.numpy() == EOS).sum(axis=1).tolist() == [1, 0]
    assert weights.numpy().sum(axis=1).tolist() == [7, 6]
    np.testing.assert_array_equal(targets[1, :6], pieces.piece(1))


def test_unfinished_pieces_stay_so(tmp_path):
    pieces = dataclasses.replace(make_pieces(3, 4), unfinished=np.array([True, False]))
    path = str(tmp_path / "pieces.npz")
    pieces.save(path)
    assert Pieces.load(path).unfinished.tolist() == [True, False]
    assert pieces.take([1, 0]).unfinished.tolist() == [False, True]
    assert make_pieces(3).followed_by(pieces).unfinished.tolist() == [
        *(False, True, False)
    ]


def test_what_can_not_teach_is_refused_in_one_line(teacher_dir):
    with pytest.raises(UserError, match="reads the feature 'beat'"):
        load_teacher(taught(teacher_dir), TOKENIZER, ("voice",))
    with pytest.raises(UserError, match="reads 16 tokens at most"):
        load_teacher(taught(teacher_dir, length=17), TOKENIZER, ("beat",))
    with pytest.raises(UserError, match="teacher_pieces wants a teacher"):
        dataclasses.replace(TRAIN, teacher_pieces=1)
    with pytest.raises(UserError, match="teacher_weight=1.5"):
        taught(teacher_dir, teacher_weight=1.5)
