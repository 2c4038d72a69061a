"""The quick score against a loop over the windows and masks it is made of."""

import numpy as np
import pytest

from tests import goldens
from tests.tiny import INFILLER, TOKENIZER, make_pieces
from tfmusic.models import make_model
from tfmusic.training.infilling_evaluation import NUM_MASKS, InfillingEvaluator

PIECES = make_pieces(40, 8, 16)  # windows of 16: the last of 40 scores 8 cells


@pytest.fixture(scope="module")
def model():
    model = make_model(INFILLER)
    goldens.shake(model)
    return model


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_equals_a_loop_over_its_masked_cells(model):
    evaluator = InfillingEvaluator(model, TOKENIZER, PIECES, batch_size=3)
    nats, totals, hits = np.zeros(4), np.zeros(4), 0.0  # by voice
    for inputs, targets, weights in evaluator.batches.as_numpy_iterator():
        logits = log_softmax(model(inputs).numpy())
        for row, place in zip(*np.nonzero(weights), strict=True):
            weight, target = weights[row, place], targets[row, place]
            assert inputs["tokens"][row, place] == 0
            nats[place % 4] -= weight * logits[row, place, target]
            hits += weight * (logits[row, place].argmax() == target)
            totals[place % 4] += weight
    total, voices = totals.sum(), ("soprano", "alto", "tenor", "bass")
    by_voice = dict(zip(voices, nats / totals, strict=True))
    scores = evaluator()
    assert scores == {
        "num_pieces": 3,
        "num_tokens": 64,
        "nats_per_token": pytest.approx(nats.sum() / total, rel=1e-5),
        "accuracy": pytest.approx(hits / total, rel=1e-5),
        "nats_by": pytest.approx(by_voice, rel=1e-5),
    }
    assert evaluator() == scores, "the same masks in every call"


def test_every_cell_is_in_as_many_scored_windows(model):
    evaluator = InfillingEvaluator(model, TOKENIZER, PIECES, batch_size=4)
    rows = cells = 0
    numbers = set()
    for inputs, _, weights in evaluator.batches.as_numpy_iterator():
        for row in range(len(weights)):
            masked = (inputs["tokens"][row] == 0) & (inputs["voice"][row] > 0)
            if weights[row].any():
                numbers.add(masked.sum())
                rows += 1
            cells += weights[row].sum()
    assert rows <= 5 * NUM_MASKS  # a mask may miss the cells that are scored
    assert max(numbers) > 12 and min(numbers) <= 2, "spread over all numbers"
    assert cells == pytest.approx(64 * NUM_MASKS, rel=0.05)


def test_batch_sizes_and_xla_agree(model):
    plain = InfillingEvaluator(model, TOKENIZER, PIECES, batch_size=8)()
    one = InfillingEvaluator(model, TOKENIZER, PIECES, batch_size=5, xla=True)()
    assert one.pop("nats_by") == pytest.approx(plain.pop("nats_by"), rel=1e-5)
    assert one == pytest.approx(plain, rel=1e-5)
