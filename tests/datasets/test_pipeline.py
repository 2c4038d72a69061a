"""Batches against the windows that were chosen, and what a run may rely on."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.test_windows import (
    FEATURES,
    LENGTH,
    PIECES,
    assert_windows_equal,
    naive_window,
)
from tests.tiny import TOKENIZER, make_pieces
from tfmusic.datasets.augment import Augmentation
from tfmusic.datasets.pipeline import evaluation_batches, training_batches
from tfmusic.datasets.windows import Windows
from tfmusic.tokenizers import EOS

TRANSPOSED = Augmentation(3)


class Choices(Windows):
    """Gives what each window was cut by, instead of the window."""

    def cut(self, piece, start, semitones, first_scored):
        return piece, start, semitones, first_scored

    def cut_for_training(self, piece, start, variation, uniforms):
        return self.cut(piece, start, variation.semitones, tf.zeros_like(start))


@pytest.mark.parametrize("transpose", [0, 5])
def test_training_windows_are_those_that_were_chosen(transpose):
    options = {"batch_size": 6, "seed": 3}
    args = (PIECES, TOKENIZER, FEATURES, LENGTH, Augmentation(transpose))
    batches = training_batches(Windows(*args), **options).take(4)
    choices = training_batches(Choices(*args), **options).take(4)
    shifts = set()
    for batch, chosen in zip(batches, choices.as_numpy_iterator(), strict=True):
        rows = [
            naive_window(PIECES.piece(piece), *rest)
            for piece, *rest in zip(*chosen, strict=True)
        ]
        assert_windows_equal(batch, rows)
        inputs, targets, _ = batch
        for ids in (inputs["tokens"].numpy(), targets.numpy()):
            assert 0 <= ids.min() <= ids.max() < TOKENIZER.vocabulary.size
        shifts |= set(chosen[2].tolist())
    assert shifts == {0} if transpose == 0 else len(shifts) > 3


def test_a_batch_has_static_shapes():
    windows = Windows(PIECES, TOKENIZER, ("beat",), LENGTH)
    for batches in (
        training_batches(windows, batch_size=6, seed=0, num_shards=2),
        evaluation_batches(windows, batch_size=3, stride=4),
    ):
        ids = tf.TensorSpec([3, LENGTH], tf.int32)
        weights = tf.TensorSpec([3, LENGTH], tf.float32)
        assert batches.element_spec == ({"tokens": ids, "beat": ids}, ids, weights)


def choose(num_batches, pieces=PIECES, augmentation=TRANSPOSED, **options):
    """int `[num_batches * rows, 4]`: piece, start, semitones, first scored."""
    options = {"batch_size": 4, "seed": 0, **options}
    choices = Choices(pieces, TOKENIZER, (), LENGTH, augmentation)
    batches = training_batches(choices, **options)
    batches = batches.take(num_batches).as_numpy_iterator()
    return np.concatenate([np.stack(batch, axis=1) for batch in batches])


def test_the_same_seed_and_step_give_the_same_batch():
    np.testing.assert_array_equal(choose(5, seed=7), choose(5, seed=7))
    assert (choose(5, seed=7) != choose(5, seed=8)).any()


@given(st.integers(0, 20))
@settings(max_examples=5)
def test_a_run_begun_later_sees_what_an_unbroken_one_sees(first_step):
    np.testing.assert_array_equal(
        choose(4, first_step=first_step), choose(first_step + 4)[-4 * 4 :]
    )


def test_shards_together_are_the_one_batch():
    whole = choose(3).reshape(3, 4, 4)  # [batches, rows, choices]
    shards = [
        choose(3, shard=shard, num_shards=2).reshape(3, 2, 4) for shard in range(2)
    ]
    np.testing.assert_array_equal(np.concatenate(shards, axis=1), whole)


def test_a_step_may_come_as_an_element_for_each_replica():
    np.testing.assert_array_equal(choose(3), choose(6, rows_per_batch=2))
    np.testing.assert_array_equal(
        choose(3, shard=1, num_shards=2),
        choose(6, shard=1, num_shards=2, rows_per_batch=1),
    )


def test_every_round_covers_every_slot_once_in_an_order_of_its_own():
    slots = np.repeat(range(5), [1, 1, 2, 2, 6])  # windows of 8 that a piece fills
    rounds = choose(6, batch_size=6)[:, 0].reshape(3, 12)  # [rounds, slots]
    for pieces in rounds:
        np.testing.assert_array_equal(np.sort(pieces), slots)
    assert len({tuple(pieces) for pieces in rounds}) == 3


def test_windows_start_everywhere_and_stay_within_their_piece():
    piece, start, _, first_scored = choose(300).T
    assert not first_scored.any()
    for index in range(len(PIECES)):
        last = max(len(PIECES.piece(index)) + 1 - LENGTH, 0)
        assert set(start[piece == index]) == set(range(last + 1))
    # Of the piece of 41 inputs: its first and last ones are in as many windows as
    # those in the middle, within what chance allows.
    starts = start[piece == 4]
    seen = [(starts <= i) & (i < starts + LENGTH) for i in range(41)]
    share = np.mean(seen, axis=1)
    assert 0.5 < share.min() / np.median(share)
    assert share.max() / np.median(share) < 1.7


def test_transposition_uses_the_room_that_a_piece_has():
    start, stop = TOKENIZER.vocabulary.span("PITCH")
    pieces = make_pieces(4, 4, 4)
    pieces.ids[:] = [start + 1, start + 9, stop - 9, stop - 3] + [20] * 4 + [3] * 4
    piece, _, semitones, _ = choose(100, pieces, Augmentation(5)).T
    assert set(semitones[piece == 0]) == {-1, 0, 1, 2}
    assert set(semitones[piece == 1]) == set(range(-5, 6))
    assert set(semitones[piece == 2]) == {0}  # rests only


def scored(cuts, num_inputs, length):
    """int `[P, longest]`: how often each target of each piece is scored."""
    counts = np.zeros([len(num_inputs), max(num_inputs)], int)
    for piece, start, _, first_scored in cuts:
        stop = min(start + length, num_inputs[piece])
        counts[piece, start + first_scored : stop] += 1
    return counts


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=4),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 5),
)
def test_evaluation_scores_every_target_once_with_context(
    lengths, length, stride, batch_size
):
    stride = min(stride, length)
    choices = Choices(make_pieces(*lengths), TOKENIZER, (), length)
    batches = evaluation_batches(choices, batch_size=batch_size, stride=stride)
    batches = list(batches.as_numpy_iterator())
    assert {len(batch[0]) for batch in batches} == {batch_size}
    cuts = np.concatenate([np.stack(batch, axis=1) for batch in batches])
    num_inputs = np.array(lengths) + 1
    counts = scored(cuts, num_inputs, length)
    exists = np.arange(counts.shape[1]) < num_inputs[:, np.newaxis]
    np.testing.assert_array_equal(counts, exists)
    assert not cuts[:, 2].any()  # untransposed
    for _, start, _, first_scored in cuts:
        if first_scored == length:
            continue  # fills the last batch
        if start == 0:
            assert first_scored == 0
        else:
            assert start + first_scored >= length
            assert first_scored >= length - stride


@pytest.mark.parametrize("stride, batch_size", [(8, 1), (3, 4), (1, 7)])
def test_evaluation_windows_are_those_of_whole_pieces(stride, batch_size):
    options = {"stride": stride, "batch_size": batch_size}
    windows = Windows(PIECES, TOKENIZER, FEATURES, LENGTH)
    choices = Choices(PIECES, TOKENIZER, FEATURES, LENGTH)
    batches = evaluation_batches(windows, **options)
    cuts = evaluation_batches(choices, **options).as_numpy_iterator()
    total, num_eos = 0, 0
    for batch, cut in zip(batches, cuts, strict=True):
        rows = [
            naive_window(PIECES.piece(piece), *rest)
            for piece, *rest in zip(*cut, strict=True)
        ]
        assert_windows_equal(batch, rows)
        total += batch[2].numpy().sum()
        num_eos += batch[2].numpy()[batch[1].numpy() == EOS].sum()
    assert (total, num_eos) == (PIECES.num_tokens + len(PIECES), len(PIECES))
