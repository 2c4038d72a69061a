"""Music of a given length in seconds, from a generator that counts its calls."""

import numpy as np
import pytest

from tfmusic.sampling import generate_seconds, seconds
from tfmusic.tokenizers import ChoraleTokenizer

TOKENS_PER_SECOND = 32  # four voices on 16ths, 120 quarters a minute


class Generator:
    """One note for ever, or until `ends` new tokens, in each voice."""

    tokenizer = ChoraleTokenizer()

    def __init__(self, ends=10**9):
        self.ends = ends
        self.asked = []

    def generate(self, primes, num_tokens, sampler=None, seed=0):
        self.asked.append(num_tokens)
        new = np.full(min(num_tokens, self.ends), 30, np.int32)
        return [np.concatenate([prime, new]) for prime in primes]


PRIMES = [np.full(128, 20, np.int32), np.zeros(0, np.int32)]


@pytest.mark.parametrize("length", [1.0, 8.0, 8.5, 30.0, 600.0])
def test_pieces_are_long_enough_after_two_attempts_at_most(length):
    generator = Generator()
    pieces = generate_seconds(generator, PRIMES, length)
    for piece, prime in zip(pieces, PRIMES, strict=True):
        assert len(piece) - len(prime) >= length * TOKENS_PER_SECOND
    assert generator.asked[0] == seconds.FIRST_TOKENS
    assert len(generator.asked) == (1 if length <= 8 else 2)
    assert generator.asked[-1] <= max(length, 16) * TOKENS_PER_SECOND


def test_a_piece_that_has_ended_is_not_made_longer():
    generator = Generator(ends=100)
    pieces = generate_seconds(generator, PRIMES, 60.0)
    assert [len(piece) for piece in pieces] == [228, 100]
    assert len(generator.asked) == 1


def test_music_in_which_no_time_passes_comes_to_an_end():
    generator = Generator()
    empty = generator.tokenizer.decode([])
    generator.tokenizer = type("Timeless", (), {"decode": lambda self, ids: empty})()
    pieces = generate_seconds(generator, PRIMES[1:], 5.0)
    assert len(pieces[0]) == seconds.MOST_TOKENS
