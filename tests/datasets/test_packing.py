"""Packed windows against the pieces that they are made of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import TOKENIZER, make_pieces
from tfmusic.datasets.augment import Augmentation
from tfmusic.datasets.packing import packed_training_batches
from tfmusic.datasets.windows import Windows
from tfmusic.errors import UserError
from tfmusic.tokenizers import BOS, EOS, PAD

LENGTH = 16
LENGTHS = (5, 9, 3, 12, 30, 2, 1, 7)
TRANSPOSED = Augmentation(3)
PIECES = make_pieces(*LENGTHS)
FEATURES = ("voice", "beat", "pitch")


def batches(count, lengths=LENGTHS, augmentation=TRANSPOSED, **options):
    windows = Windows(make_pieces(*lengths), TOKENIZER, FEATURES, LENGTH, augmentation)
    options = {"batch_size": 2, "seed": 0, **options}
    dataset = packed_training_batches(windows, **options)
    return list(dataset.take(count).as_numpy_iterator())


def rows(found):
    """Each window as (inputs, targets, weights) of `[T]`."""
    for inputs, targets, weights in found:
        for row in range(len(targets)):
            yield (
                {name: values[row] for name, values in inputs.items()},
                targets[row],
                weights[row],
            )


def test_a_round_holds_every_piece_once():
    num_inputs = sum(LENGTHS) + len(LENGTHS)
    per_round = -(-num_inputs // LENGTH) // 2  # batches of two windows
    found = list(rows(batches(per_round, augmentation=Augmentation())))
    stream = np.concatenate([inputs["tokens"] for inputs, _, _ in found])
    pieces = np.split(stream, np.flatnonzero(stream == BOS))
    assert len(pieces[0]) == 0
    whole = {PIECES.piece(index).tobytes() for index in range(len(PIECES))}
    *complete, last = pieces[1:]
    seen = [piece[1:].astype(np.int32).tobytes() for piece in complete]
    assert len(seen) == len(set(seen)) and set(seen) <= whole
    assert any(piece.startswith(last[1:].tobytes()) for piece in whole)


@settings(max_examples=15)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 99))
def test_every_segment_is_a_part_of_a_transposed_piece(lengths, seed):
    whole = []
    for index in range(len(lengths)):
        ids = make_pieces(*lengths).piece(index)
        low, high = TOKENIZER.transpose_range(ids)
        for semitones in range(max(low, -3), min(high, 3) + 1):
            moved = TOKENIZER.transpose(ids, semitones)
            states = TOKENIZER.grammar.states(moved)
            inputs = np.array([BOS, *moved], np.int32)
            features = TOKENIZER.grammar.features(states, inputs)
            targets = np.array([*moved, EOS], np.int32)
            whole.append(np.stack([inputs, targets, *map(features.get, FEATURES)]))
    for inputs, targets, weights in rows(batches(3, lengths, seed=seed)):
        segment = inputs["segment"]
        assert (weights == (segment > 0)).all()
        assert (targets[segment == 0] == PAD).all()
        number = 0
        for number in range(1, segment.max() + 1):
            here = segment == number
            assert (np.diff(np.flatnonzero(here)) == 1).all() and here.any()
            part = np.stack(
                [inputs["tokens"], targets, *(inputs[name] for name in FEATURES)]
            )[:, here]
            width = part.shape[1]
            assert any(
                (piece[:, at : at + width] == part).all()
                for piece in whole
                for at in range(piece.shape[1] - width + 1)
            )
        assert (np.flatnonzero(inputs["tokens"] == BOS) >= 0).all()


def test_batch_n_depends_on_seed_and_n_alone():
    def tokens(found):
        return np.stack([inputs["tokens"] for inputs, _, _ in found])

    np.testing.assert_array_equal(tokens(batches(7)), tokens(batches(7)))
    later = tokens(batches(4, first_step=3))
    np.testing.assert_array_equal(later, tokens(batches(7))[3:])
    assert (tokens(batches(7)) != tokens(batches(7, seed=1))).any()
    both = [
        tokens(batches(3, batch_size=4, shard=shard, num_shards=2))
        for shard in range(2)
    ]
    whole = tokens(batches(3, batch_size=4))
    np.testing.assert_array_equal(np.concatenate(both, axis=1), whole)
    parts = tokens(batches(6, batch_size=4, rows_per_batch=2))
    np.testing.assert_array_equal(parts.reshape(whole.shape), whole)


def test_rounds_are_shuffled_anew():
    per_round = -(-(sum(LENGTHS) + len(LENGTHS)) // LENGTH) // 2
    found = batches(2 * per_round, augmentation=Augmentation())
    first, second = (
        [inputs["tokens"].tolist() for inputs, _, _ in half]
        for half in (found[:per_round], found[per_round:])
    )
    assert first != second


def test_what_can_not_be_packed_is_refused():
    from tfmusic.tokenizers import get_tokenizer

    tokenizer = get_tokenizer("performance")
    for augmentation in (
        Augmentation(stretches=(0.95, 1.05)),
        Augmentation(velocity=1),
    ):
        windows = Windows(PIECES, tokenizer, (), LENGTH, augmentation)
        with pytest.raises(UserError, match="transposed only"):
            packed_training_batches(windows, batch_size=2, seed=0)
