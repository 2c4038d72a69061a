import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TOKENIZER, make_pieces
from tfmusic.datasets.augment import Augmentation
from tfmusic.datasets.grid_windows import GridWindows
from tfmusic.datasets.pipeline import training_batches
from tfmusic.errors import UserError
from tfmusic.tokenizers import PAD
from tfmusic.tokenizers.tokenizer import Tokenizer

PIECES = make_pieces(40, 8, 20)
FEATURES = ("beat", "pitch", "voice")


def make(length=16, features=FEATURES, pieces=PIECES):
    return GridWindows(pieces, TOKENIZER, features, length, Augmentation(3))


def cut(windows, piece, start, semitones=0, first_scored=0):
    inputs, targets, weights = windows.cut(
        tf.constant([piece], tf.int64),
        tf.constant([start], tf.int64),
        tf.constant([semitones]),
        tf.constant([first_scored], tf.int64),
    )
    inputs = {name: values.numpy()[0] for name, values in inputs.items()}
    return inputs, targets.numpy()[0], weights.numpy()[0]


def batches(number, first_step=0, batch_size=4, **options):
    options = {"seed": 5, **options}
    dataset = training_batches(
        make(), batch_size=batch_size, first_step=first_step, **options
    )
    return list(dataset.take(number).as_numpy_iterator())


def assert_same(batch, other):
    for array, same in zip(tf.nest.flatten(batch), tf.nest.flatten(other), strict=True):
        np.testing.assert_array_equal(array, same)


def test_a_window_holds_cells_with_the_features_of_the_whole_piece():
    ids = PIECES.piece(0)
    inputs, targets, weights = cut(make(), piece=0, start=20, first_scored=4)
    np.testing.assert_array_equal(inputs["tokens"], ids[20:36])
    np.testing.assert_array_equal(targets, ids[20:36])
    assert inputs["voice"].tolist() == [1, 2, 3, 4] * 4
    assert inputs["beat"].tolist() == np.repeat([6, 7, 8, 9], 4).tolist()
    np.testing.assert_array_equal(inputs["pitch"], ids[20:36] - 2)  # REST is 3
    assert weights.tolist() == [0] * 4 + [1] * 12


def test_past_the_end_there_is_nothing():
    inputs, targets, weights = cut(make(), piece=1, start=0, semitones=2)
    ids = PIECES.piece(1)
    moved = np.where(TOKENIZER.pitched[ids], ids + 2, ids)
    for values in (inputs["tokens"], targets):
        np.testing.assert_array_equal(values, [*moved, *[PAD] * 8])
    assert not inputs["voice"][8:].any() and not inputs["beat"][8:].any()
    assert weights.tolist() == [1] * 8 + [0] * 8


def test_masked_cells_show_neither_token_nor_pitch_and_they_alone_count():
    for inputs, targets, weights in batches(5):
        masked = weights > 0
        assert (inputs["tokens"][masked] == PAD).all()
        assert (inputs["pitch"][masked] == 0).all()
        assert (inputs["voice"][masked] > 0).all() and (targets[masked] >= 3).all()
        known = ~masked
        np.testing.assert_array_equal(inputs["tokens"][known], targets[known])
        cells = (targets != PAD).sum(axis=1)
        np.testing.assert_allclose(weights.sum(axis=1), cells, rtol=1e-5)


def test_windows_begin_at_steps():
    for inputs, _, _ in batches(10):
        assert set(inputs["voice"][:, 0].tolist()) == {1}


def test_batch_n_and_its_masks_depend_on_seed_and_n_alone():
    whole = batches(4)
    assert_same(whole[2:], batches(2, first_step=2))
    masks = [weights > 0 for _, _, weights in whole]
    assert (masks[0] != masks[1]).any() and (masks[0][0] != masks[0][1]).any()
    other = batches(1, seed=6)[0]
    assert (other[2] != whole[0][2]).any()


def test_shards_together_are_the_whole():
    (whole,) = batches(1)
    parts = [batches(1, num_shards=2, shard=shard)[0] for shard in range(2)]
    joined = tf.nest.map_structure(lambda *rows: np.concatenate(rows), *parts)
    assert_same(joined, whole)
    rows = batches(2, rows_per_batch=2)
    assert_same(tf.nest.map_structure(lambda *r: np.concatenate(r), *rows), whole)


class _Gridless(Tokenizer):
    name = "gridless"
    encode = decode = None


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((PIECES, _Gridless(), (), 16), "gridless has none: --set tokenizer=chorale"),
        ((PIECES, TOKENIZER, (), 18), "windows of 18 cells are not whole steps of 4"),
        ((make_pieces(), TOKENIZER, (), 16), "no notes"),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(UserError, match=message):
        GridWindows(*arguments)
