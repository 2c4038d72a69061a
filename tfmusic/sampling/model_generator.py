"""Music out of a Keras model, batch by batch."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfmusic.sampling.decode import DecodeLoop
from tfmusic.sampling.samplers import Sampler
from tfmusic.tokenizers import EOS, PAD, Tokenizer


class ModelGenerator:
    """Continues pieces of music with a model in memory.

    The loop is compiled once for each batch size and each length, rounded up to
    whole chunks; primes, settings and seeds may change freely.

    Args:
        model: a `MusicDecoder`.
        tokenizer: the one that the model was trained with.
        cache_length: how many tokens the model looks back on at most; by default
            its `max_length`.
        batch_size: most pieces at a time.
        jit_compile: whether XLA compiles the loop.
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        cache_length: int | None = None,
        batch_size: int = 16,
        jit_compile: bool = True,
    ):
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.loop = DecodeLoop(
            model, tokenizer.grammar, cache_length, jit_compile=jit_compile
        )
        self._compiled = tf.function(self.loop, jit_compile=jit_compile)

    def generate(
        self,
        primes: Sequence[np.ndarray],
        num_tokens: int,
        sampler: Sampler | None = None,
        seed: int = 0,
    ) -> list[np.ndarray]:
        """Continues each prime until the model ends the piece, or `num_tokens`.

        What becomes of a piece depends on its prime, its place among the primes and
        the seed, not on the other primes; with a higher `num_tokens` it begins in
        the same way.

        Args:
            primes: int arrays without BOS, one for each piece; empty ones start
                from nothing.
            num_tokens: most new tokens for each.
            sampler: the settings, by default `Sampler()`.
            seed: 0 or more; the same seed gives the same music.

        Returns:
            For each piece int32 `[T]`, the prime and its continuation, without BOS
            and EOS.
        """
        return list(self.stream(primes, num_tokens, sampler, seed))

    def stream(
        self,
        primes: Sequence[np.ndarray],
        num_tokens: int,
        sampler: Sampler | None = None,
        seed: int = 0,
    ) -> Iterator[np.ndarray]:
        """The pieces of `generate`, each as soon as its batch is done."""
        for first in range(0, len(primes), self.batch_size):
            batch = primes[first : first + self.batch_size]
            uniforms = draw_uniforms(seed, first, len(batch), num_tokens)
            yield from continue_primes(
                self._compiled, batch, uniforms, sampler, self.loop.chunk
            )


def generate(
    model,
    tokenizer: Tokenizer,
    primes: Sequence[np.ndarray],
    num_tokens: int,
    sampler: Sampler | None = None,
    seed: int = 0,
    cache_length: int | None = None,
    batch_size: int = 16,
) -> list[np.ndarray]:
    """Continues pieces once; `ModelGenerator` does so again without compiling again.

    Args:
        model, tokenizer, cache_length, batch_size: see `ModelGenerator`.
        primes, num_tokens, sampler, seed: see `ModelGenerator.generate`.

    Returns:
        For each piece int32 `[T]`, the prime and its continuation, without BOS and
        EOS.
    """
    generator = ModelGenerator(model, tokenizer, cache_length, batch_size)
    return generator.generate(primes, num_tokens, sampler, seed)


def continue_primes(
    loop,
    primes: Sequence[np.ndarray],
    uniforms: np.ndarray,
    sampler: Sampler | None = None,
    multiple: int = 1,
) -> list[np.ndarray]:
    """Calls a `DecodeLoop`, or its like in a SavedModel, with arrays.

    Args:
        loop: as `DecodeLoop.__call__`.
        primes: int arrays without BOS.
        uniforms: float32 `[N, B]`; N is the most new tokens.
        sampler: the settings, by default `Sampler()`.
        multiple: primes and uniforms are padded to a multiple of it, so that few
            shapes are compiled.

    Returns:
        For each prime int32 `[T]`, the prime and its continuation, without BOS and
        EOS.
    """
    sampler = sampler or Sampler()
    num_tokens = len(uniforms)
    lengths = np.array([len(prime) for prime in primes], np.int32)
    width = -(lengths.max() // -multiple) * multiple
    padded = np.full((len(primes), width), PAD, np.int32)
    for row, prime in zip(padded, primes, strict=True):
        row[: len(prime)] = prime
    tokens = loop(
        tf.constant(padded),
        tf.constant(lengths),
        tf.constant(np.pad(uniforms, [(0, -num_tokens % multiple), (0, 0)])),
        tf.constant(num_tokens),
        tf.constant(sampler.temperature, tf.float32),
        tf.constant(sampler.top_k, tf.int32),
        tf.constant(sampler.top_p, tf.float32),
        tf.constant(sampler.min_p, tf.float32),
        tf.constant(sampler.repetition_penalty, tf.float32),
    ).numpy()
    return [
        row[: length + num_drawn(row[length:])]
        for row, length in zip(tokens, lengths, strict=True)
    ]


def draw_uniforms(seed: int, first: int, num_pieces: int, num_tokens: int):
    """The random numbers of some pieces: float32 `[num_tokens, num_pieces]`.

    Piece i draws from numpy's Philox of the seed, jumped i times, so that a piece
    has the same numbers whatever the batch and however many are drawn.
    """
    generators = [
        np.random.Generator(np.random.Philox(seed).jumped(first + piece))
        for piece in range(num_pieces)
    ]
    draws = [generator.random(num_tokens, np.float32) for generator in generators]
    return np.stack(draws, axis=1)


def num_drawn(ids: np.ndarray) -> int:
    """The number of ids before the first EOS or PAD of `[N]`."""
    ends = np.isin(ids, [EOS, PAD])
    return int(ends.argmax()) if ends.any() else len(ids)
