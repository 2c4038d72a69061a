"""Temperatures, against a search that scores a split for each."""

import dataclasses

import keras
import numpy as np
import pytest

from tests.tiny import MODEL, TOKENIZER, make_pieces
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import EOS
from tfmusic.training.calibration import TEMPERATURES, calibrate
from tfmusic.training.evaluation import Evaluator

PIECES = make_pieces(40, 5, 17)


@pytest.fixture
def model():
    keras.utils.set_random_seed(3)
    model = MusicDecoder(**dataclasses.asdict(MODEL))
    for variable in model.logits_dense.weights:
        variable.assign(keras.random.normal(variable.shape))
    return model


def test_the_split_is_likeliest_at_the_temperature(model):
    kernel, bias = model.logits_dense.kernel, model.logits_dense.bias
    kernel.assign(0.01 * kernel)
    # Frequencies, but 1.3 times as sure.
    bias.assign(1.3 * np.log(np.bincount(PIECES.ids, minlength=50) + 1e-3))
    before = kernel.numpy(), bias.numpy()
    found = calibrate(model, TOKENIZER, PIECES)
    assert found == pytest.approx(1.3, abs=0.05)
    np.testing.assert_allclose(kernel, before[0] / found, rtol=1e-5)
    np.testing.assert_allclose(bias, before[1] / found, rtol=1e-5)

    def nats(temperature):
        kernel.assign(before[0] / temperature)
        bias.assign(before[1] / temperature)
        return Evaluator(model, TOKENIZER, PIECES)()["nats_per_token"]

    assert nats(found) < min(nats(found - 0.1), nats(found + 0.1), nats(1.0))
    nats(found)
    assert calibrate(model, TOKENIZER, PIECES, xla=True) == pytest.approx(1, abs=0.011)


def test_ends_of_pieces_do_not_count(model):
    bias = model.logits_dense.bias
    bias.assign(np.where(np.arange(50) == EOS, -5, 0))
    model.logits_dense.kernel.assign(0 * model.logits_dense.kernel)
    # EOS would be likelier at the highest temperature, and all else is indifferent to
    # it but for what EOS takes away.
    assert calibrate(model, TOKENIZER, PIECES) == TEMPERATURES[0].round(2)
