import numpy as np
import pytest

from benchmarks.ngrams import score
from tests.tiny import TOKENIZER, make_pieces
from tfmusic.statistics.ngram import NGramModel

TRAIN = make_pieces(60, 90, 30)
HELD_OUT = make_pieces(20, 7, 33, seed=1)


@pytest.mark.parametrize("order", [1, 3])
def test_ends_of_pieces_are_no_music(order):
    scores = score(TRAIN, HELD_OUT, TOKENIZER, order)
    train = [TRAIN.piece(index) for index in range(3)]
    model = NGramModel(train, order, TOKENIZER.vocabulary.size)
    pieces = [model.nats([HELD_OUT.piece(index)]) for index in range(3)]
    music = sum(nats[:-1].sum() for nats in pieces)
    assert scores == {
        "nats_per_token": pytest.approx(music / 60),
        "nats_per_note": pytest.approx(music / HELD_OUT.num_notes.sum()),
        "nats_per_second": pytest.approx(music / HELD_OUT.seconds.sum()),
        "nats_per_eos": pytest.approx(np.mean([nats[-1] for nats in pieces])),
    }
