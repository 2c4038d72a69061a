"""Evaluations during a training that score some of the validation split only."""

import dataclasses
import json

import pytest

from tests.tiny import MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.errors import UserError
from tfmusic.training.evaluation import Evaluator
from tfmusic.training.run import load_run
from tfmusic.training.strategy import get_strategy
from tfmusic.training.trainer import train

VALIDATION = make_pieces(20, 36, 10, 8, seed=1)


def test_some_pieces_are_scored(tmp_path):
    pieces = {"train": make_pieces(40, 80), "validation": VALIDATION}
    config = dataclasses.replace(TRAIN, steps=1, evaluate_pieces=2)
    strategy = get_strategy("one_device")
    best = train(MODEL, config, TOKENIZER, pieces, str(tmp_path), strategy)
    assert (best["num_pieces"], best["num_tokens"]) == (2, 20 + 10)
    last = (tmp_path / "metrics.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["num_tokens"] == 30
    model = load_run(str(tmp_path)).model
    scores = Evaluator(model, TOKENIZER, VALIDATION.spread(2))()
    assert scores["nats_per_token"] == pytest.approx(best["nats_per_token"], rel=1e-5)


def test_at_least_one_piece_is_scored():
    with pytest.raises(UserError, match="evaluate_pieces=0: expected at least 1"):
        dataclasses.replace(TRAIN, evaluate_pieces=0)
