"""Every tokenizer, all its features in the model, through every export."""

import dataclasses

import numpy as np
import pytest

from tests import goldens
from tfmusic.config import ModelConfig
from tfmusic.export import runtime, saved_model, tflite, verify
from tfmusic.models import MusicDecoder
from tfmusic.sampling import ModelGenerator, Sampler
from tfmusic.tokenizers import TOKENIZERS, get_tokenizer

# The penalty keeps an untrained model from one note for ever.
SAMPLER = Sampler(temperature=0.0, repetition_penalty=2.0)
NUM_TOKENS = 24


@pytest.fixture(params=sorted(TOKENIZERS))
def tokenizer(request):
    return get_tokenizer(request.param)


@pytest.fixture
def model(tokenizer):
    config = ModelConfig(
        vocabulary_size=tokenizer.vocabulary.size,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_length=16,
        features=tokenizer.features,
    )
    model = MusicDecoder(**dataclasses.asdict(config))
    goldens.shake(model)
    return model


def test_the_same_music_from_every_form(model, tokenizer, tmp_path):
    generator = ModelGenerator(model, tokenizer, jit_compile=False)
    (prime,) = generator.generate([np.zeros(0, np.int32)], 8, Sampler(), seed=3)
    primes = [np.zeros(0, np.int32), prime]
    pieces = [
        piece.tolist() for piece in generator.generate(primes, NUM_TOKENS, SAMPLER)
    ]
    assert max(len(set(piece)) for piece in pieces) > 3

    path = str(tmp_path / "model.tflite")
    tflite.convert(model, tokenizer, path, "none")
    verify.verify_tflite(model, tokenizer, path)
    exported = runtime.load(path)
    again = exported.generate(primes, NUM_TOKENS, **dataclasses.asdict(SAMPLER))
    assert [piece.tolist() for piece in again] == pieces
    for piece in pieces:
        notes, num_invalid = exported.decode(piece)
        sequence, expected = tokenizer.decode(np.array(piece, np.int32))
        assert (len(notes), num_invalid) == (len(sequence.notes), expected)

    saved_model.save_model(model, tmp_path / "saved", tokenizer)
    loaded = saved_model.load(tmp_path / "saved")
    again = loaded.generate(primes, NUM_TOKENS, SAMPLER)
    assert [piece.tolist() for piece in again] == pieces
