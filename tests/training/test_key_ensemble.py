"""Likelihoods averaged over keys, against the means of single passes."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TOKENIZER, make_pieces
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import BOS, PAD
from tfmusic.training.evaluation import Evaluator
from tfmusic.training.key_ensemble import KeyEnsemble

FEATURES = {name: TOKENIZER.features[name] for name in ("voice", "beat", "pitch")}
LENGTH = MODEL.max_length
REST = TOKENIZER.vocabulary.encode("REST", 0)
SHIFTS = (0, -1, 1, -2, 2)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(2)
    config = dataclasses.replace(MODEL, features=FEATURES)
    model = MusicDecoder(**dataclasses.asdict(config))
    for variable in model.trainable_variables:  # so that keys differ
        variable.assign(variable + 0.5 * keras.random.normal(variable.shape))
    return model


def make_inputs(*pieces):
    rows = [np.concatenate([[BOS], piece]) for piece in pieces]
    inputs = {name: np.zeros([len(rows), LENGTH], np.int32) for name in FEATURES}
    inputs["tokens"] = np.full([len(rows), LENGTH], PAD, np.int32)
    for row, tokens in enumerate(rows):
        states = TOKENIZER.grammar.states(tokens[1:])
        inputs["tokens"][row, : len(tokens)] = tokens
        for name, values in TOKENIZER.grammar.features(states, tokens).items():
            inputs[name][row, : len(tokens)] = values
    return inputs


def probabilities(model, inputs):
    return tf.nn.softmax(model.predict_on_batch(inputs)).numpy().astype(np.float64)


def naive_mean(model, pieces, keys):
    """float64 `[B, T, V]`, id by id, and how much of it each place has."""
    mean = np.zeros([len(pieces), LENGTH, TOKENIZER.vocabulary.size])
    first, last = TOKENIZER.vocabulary.span("PITCH")
    for shift in SHIFTS[:keys]:
        moved = [TOKENIZER.transposed(shift)[piece] for piece in pieces]
        transposed = probabilities(model, make_inputs(*moved))
        for token in range(mean.shape[-1]):
            place = token + shift if token >= first else token
            if place < last and (place >= first or token < first):
                mean[..., token] += transposed[..., place] / keys
    total = mean.sum(-1, keepdims=True)
    return mean / total, total


@pytest.mark.parametrize("keys", [1, 2, 5])
def test_it_is_the_mean_of_passes_over_transposed_music(model, keys):
    pieces = [np.array([20, 17, REST, 10, 21, 17, 14]), np.arange(12, 24)]
    ensemble = KeyEnsemble(model, TOKENIZER, keys)(make_inputs(*pieces))
    mean, total = naive_mean(model, pieces, keys)
    np.testing.assert_allclose(tf.nn.softmax(ensemble), mean, rtol=2e-5)
    assert 0.5 < total.min() <= total.max() < 1 + 1e-5


def test_keys_without_room_for_the_music_say_nothing_about_what_they_lack(model):
    lowest, highest = TOKENIZER.vocabulary.span("PITCH")
    pieces = [np.array([lowest, highest - 1, 20, lowest + 1])]
    ensemble = tf.nn.softmax(KeyEnsemble(model, TOKENIZER, 5)(make_inputs(*pieces)))
    mean, _ = naive_mean(model, pieces, 5)
    np.testing.assert_allclose(ensemble, mean, rtol=2e-5)


def test_it_is_causal(model):
    ensemble = KeyEnsemble(model, TOKENIZER, 3)
    piece = np.arange(12, 24)
    later = np.where(np.arange(12) < 5, piece, piece + 3)
    one, other = (ensemble(make_inputs(ids)).numpy()[0] for ids in (piece, later))
    np.testing.assert_array_equal(one[:6], other[:6])
    assert not np.allclose(one[6], other[6])


def test_a_split_is_scored_by_the_mean(model):
    pieces = make_pieces(9, 4, 15)
    scores = Evaluator(model, TOKENIZER, pieces, batch_size=2, xla=True, keys=3)()
    mean, _ = naive_mean(model, [pieces.piece(index) for index in range(3)], 3)
    nats, hits = 0, 0
    for row in range(3):
        ids = pieces.piece(row)
        given = mean[row, : len(ids)]
        nats -= np.log(given[np.arange(len(ids)), ids]).sum()
        hits += (given.argmax(-1) == ids).sum()
    assert scores["nats_per_token"] == pytest.approx(nats / 28, rel=1e-5)
    assert scores["accuracy"] == pytest.approx(hits / 28)
    single = Evaluator(model, TOKENIZER, pieces)()["nats_per_token"]
    assert abs(single - nats / 28) > 0.01
