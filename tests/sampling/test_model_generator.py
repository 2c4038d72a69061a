"""Pieces from a model: seeds, batches, and compiling once."""

import dataclasses

import numpy as np
import pytest

from tfmusic.config import ModelConfig
from tfmusic.models.music_decoder import MusicDecoder
from tfmusic.sampling import ModelGenerator, Sampler, generate
from tfmusic.tokenizers import BOS, ChoraleTokenizer

TOKENIZER = ChoraleTokenizer()
PRIMES = [np.arange(8) + 20, np.zeros(0, np.int32), np.arange(21) + 10, np.arange(4, 8)]


@pytest.fixture(scope="module")
def model():
    """Tiny, untrained, and never at its end: EOS has no chance."""
    config = ModelConfig(
        vocabulary_size=TOKENIZER.vocabulary.size,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_length=32,
        features={"voice": 5, "beat": 17},
    )
    model = MusicDecoder(**dataclasses.asdict(config))
    model.logits_dense.bias.assign([0, -1e4] + [0] * 48)
    return model


@pytest.fixture(scope="module")
def generator(model):
    return ModelGenerator(model, TOKENIZER, batch_size=3, jit_compile=False)


def as_lists(pieces):
    return [piece.tolist() for piece in pieces]


def test_pieces_are_their_primes_and_as_many_new_tokens(generator):
    pieces = generator.generate(PRIMES, 40)
    for piece, prime in zip(pieces, PRIMES, strict=True):
        assert piece.dtype == np.int32 and len(piece) == len(prime) + 40
        assert piece[: len(prime)].tolist() == prime.tolist()
        assert (piece > BOS).all()
    assert generator.generate([], 40) == []


def test_a_seed_reproduces_and_another_differs(generator):
    first = as_lists(generator.generate(PRIMES, 20, seed=1))
    assert as_lists(generator.generate(PRIMES, 20, seed=1)) == first
    assert as_lists(generator.generate(PRIMES, 20, seed=2)) != first


def test_pieces_of_a_batch_differ_but_do_not_depend_on_it(generator):
    nothing = np.zeros(0, np.int32)
    pieces = as_lists(generator.generate([nothing] * 4, 20, seed=3))
    assert len(set(map(tuple, pieces))) == 4
    assert as_lists(generator.generate([nothing], 20, seed=3)) == pieces[:1]
    mixed = generator.generate([PRIMES[0], nothing], 20, seed=3)
    assert mixed[1].tolist() == pieces[1]


def test_a_longer_piece_begins_as_a_shorter_one(generator):
    short = as_lists(generator.generate(PRIMES, 10, seed=4))
    long = as_lists(generator.generate(PRIMES, 50, seed=4))
    assert [piece[: len(start)] for piece, start in zip(long, short, strict=True)] == (
        short
    )


def test_compiles_once_for_a_batch_size(model):
    generator = ModelGenerator(model, TOKENIZER, jit_compile=False)
    for seed, length in enumerate((1, 5, 64)):
        sampler = Sampler(temperature=seed, top_k=seed, top_p=0.9, min_p=0.1 * seed)
        primes = [np.full(length, 20), np.full(3, 30)]
        generator.generate(primes, 33 + seed, sampler, seed)
    assert generator._compiled.experimental_get_tracing_count() == 1


def test_new_weights_are_used_without_compiling_again(model):
    generator = ModelGenerator(model, TOKENIZER, jit_compile=False)
    greedy = Sampler(temperature=0.0)
    bias = model.logits_dense.bias.numpy()
    try:
        for favorite in (20, 30):
            model.logits_dense.bias.assign(bias + 1e3 * (np.arange(50) == favorite))
            (piece,) = generator.generate([PRIMES[1]], 5, greedy)
            assert piece.tolist() == [favorite] * 5
    finally:
        model.logits_dense.bias.assign(bias)
    assert generator._compiled.experimental_get_tracing_count() == 1


def test_generate_is_the_generator_used_once(model, generator):
    pieces = generate(model, TOKENIZER, PRIMES[:2], 10, Sampler(top_k=5), seed=6)
    assert as_lists(pieces) == as_lists(
        generator.generate(PRIMES[:2], 10, Sampler(top_k=5), seed=6)
    )
