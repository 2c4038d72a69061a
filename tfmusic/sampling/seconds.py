"""Music of a given length in seconds."""

import math
from collections.abc import Sequence

import numpy as np

from tfmusic.sampling.generators import Generator
from tfmusic.sampling.samplers import Sampler

FIRST_TOKENS = 256
MOST_TOKENS = 65_536  # where a model lets no time pass
ROUNDING = 1e-6  # of sums of seconds


def generate_seconds(
    generator: Generator,
    primes: Sequence[np.ndarray],
    seconds: float,
    sampler: Sampler | None = None,
    seed: int = 0,
) -> list[np.ndarray]:
    """Continues each prime until the model ends the piece, or for `seconds` at least.

    Only the music tells how many tokens a second takes, so few are tried first. A
    longer attempt begins as the one before, its seed being the same.

    Args:
        generator: what generates.
        primes: int arrays without BOS, one for each piece.
        seconds: of new music, more than 0.
        sampler, seed: see `ModelGenerator.generate`.

    Returns:
        For each piece int32 `[T]`, the prime and its continuation.
    """

    def new_seconds(piece, prime):
        sequence, _ = generator.tokenizer.decode(piece)
        return sequence.total_time - generator.tokenizer.decode(prime)[0].total_time

    num_tokens = FIRST_TOKENS
    while True:
        pieces = generator.generate(primes, num_tokens, sampler, seed)
        lengths = [
            new_seconds(piece, prime)
            for piece, prime in zip(pieces, primes, strict=True)
            if len(piece) - len(prime) == num_tokens  # the others have ended
        ]
        shortest = min(lengths, default=seconds)
        if shortest >= seconds - ROUNDING or num_tokens == MOST_TOKENS:
            return pieces
        needed = num_tokens * seconds / max(shortest, seconds / MOST_TOKENS)
        num_tokens = max(math.ceil(needed), num_tokens + FIRST_TOKENS)
        num_tokens = min(num_tokens, MOST_TOKENS)
