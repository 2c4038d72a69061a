"""Likelihoods against a loop over the tokens of whole pieces."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TOKENIZER, make_pieces
from tfmusic.errors import UserError
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import BOS, EOS
from tfmusic.training.evaluation import Evaluator

LENGTH = MODEL.max_length
VOICES = ("soprano", "alto", "tenor", "bass")
SHORT = make_pieces(3, 15, 8, 1)  # the longest fills a window with its BOS
LONG = make_pieces(40, 5, 17)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return MusicDecoder(**dataclasses.asdict(MODEL))


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def naive_scores(model, pieces, context=LENGTH):
    """Each token given the `context` inputs before it, one call a piece and end."""
    nats, hits, eos_nats = np.zeros(4), 0, 0.0  # nats by voice
    for index in range(len(pieces)):
        ids = pieces.piece(index)
        tokens = np.concatenate([[BOS], ids])
        states = TOKENIZER.grammar.states(ids)
        beat = TOKENIZER.grammar.features(states, tokens)["beat"]
        for end, target in enumerate([*ids, EOS], start=1):
            seen = slice(max(end - context, 0), end)
            # Always as many inputs, so that the model is traced once: what follows
            # the last one can't matter.
            room = [0, context - (end - seen.start)]
            inputs = {
                "tokens": np.pad(tokens[seen], room)[np.newaxis],
                "beat": np.pad(beat[seen], room)[np.newaxis],
            }
            logits = model.predict_on_batch(inputs)[0, end - seen.start - 1]
            loss = -log_softmax(logits)[target]
            if target == EOS:
                eos_nats += loss
            else:
                nats[(end - 1) % 4] += loss
                hits += logits.argmax() == target
    return nats, hits, eos_nats


def assert_scores(scores, pieces, nats, hits, eos_nats):
    tokens, notes = pieces.num_tokens, pieces.num_notes.sum()
    lengths = np.diff(pieces.offsets)
    of_voice = [int(sum((lengths - voice + 3) // 4)) for voice in range(4)]
    by_voice = dict(zip(VOICES, nats / of_voice, strict=True))
    nats = nats.sum()
    assert scores == {
        "num_pieces": len(pieces),
        "num_tokens": tokens,
        "num_notes": notes,
        "seconds": pieces.seconds.sum(),
        "nats_per_token": pytest.approx(nats / tokens, rel=1e-5),
        "nats_per_note": pytest.approx(nats / notes, rel=1e-5),
        "nats_per_second": pytest.approx(nats / pieces.seconds.sum(), rel=1e-5),
        "accuracy": pytest.approx(hits / tokens),
        "nats_by": pytest.approx(by_voice, rel=1e-5),
        "tokens_by": dict(zip(VOICES, of_voice, strict=True)),
        "nats_per_eos": pytest.approx(eos_nats / len(pieces), rel=1e-5),
    }


@pytest.mark.parametrize("batch_size", [1, 8])
def test_short_pieces_are_scored_with_all_that_precedes(model, batch_size):
    scores = Evaluator(model, TOKENIZER, SHORT, batch_size)()
    assert_scores(scores, SHORT, *naive_scores(model, SHORT))


def test_long_pieces_are_scored_with_a_window_of_context(model):
    scores = Evaluator(model, TOKENIZER, LONG, stride=1)()
    assert_scores(scores, LONG, *naive_scores(model, LONG))


@pytest.mark.parametrize("stride", [2, 7, LENGTH, 100])
def test_every_stride_counts_every_token(model, stride):
    evaluator = Evaluator(model, TOKENIZER, LONG, batch_size=3, stride=stride)
    scores = evaluator()
    assert evaluator.stride == min(stride, LENGTH)
    assert (scores["num_tokens"], scores["num_pieces"]) == (62, 3)
    assert list(scores["tokens_by"].values()) == [17, 15, 15, 15]


def test_batch_sizes_and_xla_agree(model):
    plain = Evaluator(model, TOKENIZER, LONG, batch_size=8)()
    one = Evaluator(model, TOKENIZER, LONG, batch_size=1, xla=True)()
    assert one.pop("nats_by") == pytest.approx(plain.pop("nats_by"), rel=1e-5)
    assert one.pop("tokens_by") == plain.pop("tokens_by")
    assert one == pytest.approx(plain, rel=1e-5)


def test_the_stride_is_a_quarter_of_a_window_by_default(model):
    assert Evaluator(model, TOKENIZER, LONG).stride == 4
    assert Evaluator(model, TOKENIZER, make_pieces(5)).stride == 2  # of 6 inputs


def test_voices_add_up_to_the_whole(model):
    scores = Evaluator(model, TOKENIZER, LONG, batch_size=2)()
    nats, tokens = scores["nats_by"], scores["tokens_by"]
    assert sum(tokens.values()) == scores["num_tokens"]
    total = sum(nats[name] * tokens[name] for name in nats)
    assert total / scores["num_tokens"] == pytest.approx(
        scores["nats_per_token"], rel=1e-12
    )


def test_weights_may_change_between_calls():
    model = MusicDecoder(**dataclasses.asdict(MODEL))
    evaluator = Evaluator(model, TOKENIZER, SHORT)
    before = evaluator()
    # All ids alike but EOS, which is certain.
    for variable in model.logits_dense.weights:
        variable.assign(tf.zeros(variable.shape))
    model.logits_dense.bias.assign(np.where(np.arange(50) == EOS, 100, 0))
    after = evaluator()
    assert after["nats_per_token"] == pytest.approx(100, rel=1e-3)
    assert after["nats_per_eos"] == pytest.approx(0, abs=1e-3)
    assert after["accuracy"] == 0
    assert before["nats_per_token"] < 10


def test_pieces_without_notes_are_refused(model):
    with pytest.raises(UserError, match="no notes"):
        Evaluator(model, TOKENIZER, make_pieces())
