"""Windows against loops over whole pieces."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import TOKENIZER, make_pieces
from tfmusic.datasets.windows import Windows
from tfmusic.errors import UserError
from tfmusic.tokenizers import BOS, EOS, PAD

FEATURES = ("voice", "beat", "pitch")
LENGTH = 8
PIECES = make_pieces(1, 7, 8, 9, 40)  # 2, 8, 9, 10 and 41 inputs with BOS


def naive_window(ids, start, semitones, first_scored, length=LENGTH):
    """One window of the whole piece, `[T]` each."""
    grammar = TOKENIZER.grammar
    tokens = [BOS, *TOKENIZER.transpose(ids, semitones), EOS]
    states = [0]
    for token in tokens[1:-1]:
        states.append(int(grammar.advance(states[-1], token)))
    inputs = {name: np.zeros(length, np.int32) for name in ("tokens", *FEATURES)}
    targets, weights = np.full(length, PAD), np.zeros(length)
    for t in range(length):
        i = start + t
        if i < len(tokens) - 1:
            inputs["tokens"][t] = tokens[i]
            for name, value in grammar.features(states[i], tokens[i]).items():
                inputs[name][t] = value
            targets[t] = tokens[i + 1]
            weights[t] = t >= first_scored
    return inputs, targets, weights


def assert_windows_equal(batch, expected):
    inputs, targets, weights = batch
    for row, (expected_inputs, expected_targets, expected_weights) in enumerate(
        expected
    ):
        for name in ("tokens", *FEATURES):
            np.testing.assert_array_equal(
                inputs[name][row], expected_inputs[name], name
            )
        np.testing.assert_array_equal(targets[row], expected_targets)
        np.testing.assert_array_equal(weights[row], expected_weights)


def test_a_window_by_hand():
    # G4 E4 C4 C3, twice, and the end of the piece
    ids = TOKENIZER.grid_to_ids([[67, 64, 60, 48]] * 2)
    pieces = dataclasses.replace(
        make_pieces(8), ids=ids, offsets=np.array([0, 8], np.int64)
    )
    windows = Windows(pieces, TOKENIZER, ("voice", "beat"), 6)
    inputs, targets, weights = windows.cut(
        *(tf.constant([value], tf.int64) for value in (0, 5)),
        tf.constant([2]),
        tf.constant([1], tf.int64),
    )
    g, e, c, c3 = (4 + pitch + 2 - 36 for pitch in (67, 64, 60, 48))  # a tone higher
    assert inputs["tokens"].numpy().tolist() == [[g, e, c, c3, PAD, PAD]]
    assert inputs["voice"].numpy().tolist() == [[1, 2, 3, 4, 0, 0]]
    assert inputs["beat"].numpy().tolist() == [[2, 2, 2, 2, 0, 0]]
    assert targets.numpy().tolist() == [[e, c, c3, EOS, PAD, PAD]]
    assert weights.numpy().tolist() == [[0, 1, 1, 1, 0, 0]]


@settings(max_examples=20)
@given(st.data())
def test_windows_are_cut_out_of_whole_pieces(data):
    windows = Windows(PIECES, TOKENIZER, FEATURES, LENGTH)
    cuts = []
    for _ in range(3):
        piece = data.draw(st.integers(0, len(PIECES) - 1))
        lowest, highest = TOKENIZER.transpose_range(PIECES.piece(piece))
        cuts.append(
            (
                piece,
                data.draw(st.integers(0, len(PIECES.piece(piece)))),
                data.draw(st.integers(lowest, highest)),
                data.draw(st.integers(0, LENGTH)),
            )
        )
    piece, start, semitones, first_scored = map(list, zip(*cuts, strict=True))
    batch = windows.cut(
        tf.constant(piece, tf.int64),
        tf.constant(start, tf.int64),
        tf.constant(semitones, tf.int32),
        tf.constant(first_scored, tf.int64),
    )
    assert_windows_equal(
        batch, [naive_window(PIECES.piece(index), *rest) for index, *rest in cuts]
    )


def test_pieces_without_notes_are_refused():
    silent = dataclasses.replace(make_pieces(4), num_notes=np.array([0]))
    for pieces in (make_pieces(), silent):
        with pytest.raises(UserError, match="no notes"):
            Windows(pieces, TOKENIZER, (), LENGTH)
