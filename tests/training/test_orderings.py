"""Likelihoods by orders against a loop over the cells, one pass of the model each."""

import numpy as np
import pytest

from tests import goldens
from tests.tiny import INFILLER, TOKENIZER, make_pieces
from tfmusic.models import make_model
from tfmusic.training import orderings
from tfmusic.training.orderings import (
    OrderingEvaluator,
    chronological_order,
    random_order,
)

LENGTH = INFILLER.max_length  # 4 steps
PIECES = make_pieces(28, 8)


@pytest.fixture(scope="module")
def model():
    model = make_model(INFILLER)
    goldens.shake(model)
    return model


def distribution(model, tokens, cell, start):
    """Log-probabilities of a cell, given a piece with PAD for what is unknown."""
    end = min(start + LENGTH, len(tokens))
    spare = (0, start + LENGTH - end)
    cells = np.arange(start, end)
    inputs = {
        "tokens": np.pad(tokens[start:end], spare),
        "voice": np.pad(1 + cells % 4, spare),
        "beat": np.pad(1 + cells // 4 % 16, spare),
    }
    inputs = {name: row[np.newaxis].astype("int32") for name, row in inputs.items()}
    logits = model(inputs).numpy()[0, cell - start].astype(np.float64)
    return logits - np.log(np.exp(logits).sum())


def naive_nats(model, ids, rank, before, framewise=False):
    """Cell after cell in the order; all that is known is what came before."""
    known = np.zeros(len(ids), int)
    nats = 0.0
    for cell in np.argsort(rank):
        start = 4 * min(max(cell // 4 - before, 0), max(len(ids) - LENGTH, 0) // 4)
        scores = distribution(model, known, cell, start)
        nats -= scores[ids[cell]]
        known[cell] = scores.argmax() if framewise else ids[cell]
        step = slice(cell // 4 * 4, cell // 4 * 4 + 4)
        if framewise and known[step].all():  # the music itself, for the next steps
            known[step] = ids[step]
    return nats


@pytest.mark.parametrize("num_orders, batch_size", [(1, 64), (2, 5)])
def test_equals_a_loop_over_the_cells(model, num_orders, batch_size):
    evaluator = OrderingEvaluator(model, TOKENIZER, PIECES, num_orders, batch_size)
    scores = evaluator()
    rng = np.random.default_rng(0)
    nats = {"notewise": 0.0, "chronological": 0.0, "framewise": 0.0}
    for _ in range(num_orders):
        for index in range(2):
            ids = PIECES.piece(index)
            rank = random_order(len(ids), rng)
            nats["notewise"] += naive_nats(model, ids, rank, before=2)
            rank = chronological_order(len(ids), rng)
            nats["chronological"] += naive_nats(model, ids, rank, before=3)
            nats["framewise"] += naive_nats(model, ids, rank, 3, framewise=True)
    assert scores == {
        "num_pieces": 2,
        "num_tokens": 36,
        **{
            f"{name}_nats_per_token": pytest.approx(total / 36 / num_orders, rel=1e-5)
            for name, total in nats.items()
        },
    }


def test_orders_are_averaged(model, monkeypatch):
    """Of two orders, the mean of what each alone gives."""
    first, second = (
        [random_order(8, rng), chronological_order(8, rng)]
        for rng in map(np.random.default_rng, (1, 2))
    )
    pieces = make_pieces(8)

    def score(*orders):
        drawn = iter(orders)
        monkeypatch.setattr(orderings, "random_order", lambda *_: next(drawn)[0])
        remaining = iter(orders)
        monkeypatch.setattr(
            orderings, "chronological_order", lambda *_: next(remaining)[1]
        )
        return OrderingEvaluator(model, TOKENIZER, pieces, len(orders))()

    apart, both = (score(first), score(second)), score(first, second)
    for name in ("notewise", "chronological", "framewise"):
        name += "_nats_per_token"
        mean = (apart[0][name] + apart[1][name]) / 2
        assert both[name] == pytest.approx(mean, rel=1e-6)
        assert apart[0][name] != apart[1][name]


def test_orders_hold_every_cell_once():
    rng = np.random.default_rng(0)
    assert sorted(random_order(12, rng)) == list(range(12))
    rank = chronological_order(12, rng)
    assert sorted(rank) == list(range(12))
    assert (rank // 4).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len({tuple(chronological_order(4, rng)) for _ in range(200)}) == 24


def test_xla_agrees(model):
    plain = OrderingEvaluator(model, TOKENIZER, PIECES)()
    compiled = OrderingEvaluator(model, TOKENIZER, PIECES, xla=True)()
    assert compiled == pytest.approx(plain, rel=1e-5)
