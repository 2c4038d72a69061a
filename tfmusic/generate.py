"""Generates music with a trained model.

Usage:
  python -m tfmusic.generate --model_dir=DIR --output=FILE.mid
  python -m tfmusic.generate --model_dir=DIR --prime=FILE.mid --prime_seconds=8

DIR is a run's folder, a SavedModel's folder or a .tflite file. Without a prime the
model starts from nothing. A piece ends where the model ends it, at the latest after
so many --tokens or --seconds.
"""

import contextlib
import json
import os
import time

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.files import atomic_path, write_text
from tfmusic.quiet import import_tensorflow

DEFAULT_TOKENS = 1024

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    None,
    "A run's folder, a SavedModel's folder or a .tflite file.",
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output", "chorale.mid", "The MIDI file to write; of several, -1, -2 are added."
)
_PICTURE = flags.DEFINE_string("picture", None, "A piano roll to draw as well, a .png.")
_REPORT = flags.DEFINE_string("report", None, "JSON file to write as well: counts.")
_PRIME = flags.DEFINE_string(
    "prime",
    None,
    "Music to continue: a .mid, .midi, .mxl, .xml or .musicxml file, or a piece of a "
    "data set, such as bach_chorales:validation:0.",
)
_PRIME_SECONDS = flags.DEFINE_float(
    "prime_seconds", None, "Take so many seconds of the prime; by default all."
)
_PRIME_TOKENS = flags.DEFINE_integer(
    "prime_tokens", None, "Take so many tokens of the prime instead.", lower_bound=1
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_TOKENS = flags.DEFINE_integer(
    "tokens", None, f"Most new tokens; by default {DEFAULT_TOKENS}.", lower_bound=1
)
_SECONDS = flags.DEFINE_float("seconds", None, "Most seconds of new music instead.")
_TEMPERATURE = flags.DEFINE_float(
    "temperature", 1.0, "Below 1 plays safe, above 1 dares more, 0 takes the likeliest."
)
_TOP_K = flags.DEFINE_integer(
    "top_k", 0, "Draw from so many of the likeliest tokens; 0 for all."
)
_TOP_P = flags.DEFINE_float(
    "top_p", 1.0, "Draw from the likeliest tokens that have this mass together."
)
_MIN_P = flags.DEFINE_float(
    "min_p", 0.0, "Draw from tokens with at least this part of the likeliest's mass."
)
_REPETITION_PENALTY = flags.DEFINE_float(
    "repetition_penalty", 1.0, "Above 1 avoids tokens that the piece already has."
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "The same seed gives the same music.", lower_bound=0
)
_NUM_PIECES = flags.DEFINE_integer(
    "num_pieces", 1, "How many pieces to generate.", lower_bound=1
)


def main() -> None:
    """Reads the flags, generates, writes."""
    _check_flags()
    import_tensorflow()
    import numpy as np

    from tfmusic.sampling import ModelGenerator, load_generator
    from tfmusic.sampling.primes import read_prime

    sampler = _sampler()
    generator = load_generator(_MODEL_DIR.value)
    prime = np.zeros(0, np.int32)
    if _PRIME.value:
        prime = read_prime(
            _PRIME.value,
            generator.tokenizer,
            _DATA_DIR.value,
            _PRIME_SECONDS.value,
            _PRIME_TOKENS.value,
        )
    for path in (_OUTPUT.value, _PICTURE.value):
        _check_place(path and _numbered(path, 1))
    _check_place(_REPORT.value)

    print(f"generating with {_MODEL_DIR.value} ...", flush=True)
    begin = time.perf_counter()
    pieces = _generate(generator, [prime] * _NUM_PIECES.value, sampler)
    took = time.perf_counter() - begin
    num_tokens = sum(map(len, pieces)) - len(prime) * len(pieces)
    counts = _write_pieces(generator.tokenizer, prime, pieces)

    compiled = isinstance(generator, ModelGenerator)
    print(
        f"{num_tokens} tokens in {took:.1f} seconds, {num_tokens / took:.0f} tokens/s"
        + (", with the time to compile" if compiled else "")
    )
    if _REPORT.value:
        speed = {"tokens": num_tokens, "tokens_per_second": num_tokens / took}
        text = json.dumps({**counts, **speed}, indent=2, sort_keys=True)
        write_text(_REPORT.value, text + "\n")


def _check_flags() -> None:
    """Finds what can be wrong before anything is loaded."""
    for first, second in ((_TOKENS, _SECONDS), (_PRIME_TOKENS, _PRIME_SECONDS)):
        if first.value is not None and second.value is not None:
            raise UserError(f"give --{first.name} or --{second.name}, not both")
    for flag in (_SECONDS, _PRIME_SECONDS):
        if flag.value is not None and not 0 < flag.value < float("inf"):
            raise UserError(f"--{flag.name} must be more than 0, not {flag.value}")
    for flag in (_PRIME_TOKENS, _PRIME_SECONDS):
        if flag.value is not None and not _PRIME.value:
            raise UserError(f"--{flag.name} is a part of a prime: give --prime")
    if not _OUTPUT.value.lower().endswith((".mid", ".midi")):
        raise UserError(f"--output={_OUTPUT.value}: name a .mid file")
    if _PICTURE.value and not _PICTURE.value.lower().endswith(".png"):
        raise UserError(f"--picture={_PICTURE.value}: name a .png file")


def _sampler():
    from tfmusic.sampling import Sampler

    settings = (_TEMPERATURE, _TOP_K, _TOP_P, _MIN_P, _REPETITION_PENALTY)
    try:
        return Sampler(**{flag.name: flag.value for flag in settings})
    except ValueError as error:
        raise UserError(f"--{error}") from error


class _Unwritten(Exception):
    """Ends a trial of writing before anything is written."""


def _check_place(path: str | None) -> None:
    """Raises now, not after the work, what `atomic_path` would raise then."""
    if path:
        with contextlib.suppress(_Unwritten), atomic_path(path):
            raise _Unwritten


def _generate(generator, primes, sampler):
    from tfmusic.sampling import generate_seconds

    if _SECONDS.value:
        return generate_seconds(generator, primes, _SECONDS.value, sampler, _SEED.value)
    num_tokens = _TOKENS.value or DEFAULT_TOKENS
    return generator.generate(primes, num_tokens, sampler, _SEED.value)


def _write_pieces(tokenizer, prime, pieces) -> dict[str, float]:
    """Writes each piece, says so, and returns what was counted in all of them."""
    from tfmusic.music import draw_piano_roll, write_midi
    from tfmusic.music.excerpt import first_seconds

    counts = {"pieces": len(pieces), "notes": 0, "seconds": 0.0, "invalid_tokens": 0}
    prime_seconds = tokenizer.decode(prime)[0].total_time
    for number, piece in enumerate(pieces, 1):
        sequence, num_invalid = tokenizer.decode(piece)
        if _SECONDS.value:
            sequence = first_seconds(sequence, prime_seconds + _SECONDS.value)
        path = _numbered(_OUTPUT.value, number)
        write_midi(sequence, path)
        if _PICTURE.value:
            picture = _numbered(_PICTURE.value, number)
            draw_piano_roll(sequence, picture, prime_seconds=prime_seconds)
        print(
            f"{path}: {len(sequence.notes)} notes, {sequence.total_time:.1f} seconds, "
            f"{num_invalid} invalid tokens"
        )
        counts["notes"] += len(sequence.notes)
        counts["seconds"] += sequence.total_time
        counts["invalid_tokens"] += num_invalid
    return counts


def _numbered(path: str, number: int) -> str:
    """The path itself, or with the piece's number where there are several."""
    if _NUM_PIECES.value == 1:
        return path
    stem, suffix = os.path.splitext(path)
    return f"{stem}-{number}{suffix}"


if __name__ == "__main__":
    run_command(main, __doc__)
