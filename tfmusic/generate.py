"""Generates music with a trained model.

Usage:
  python -m tfmusic.generate --output=FILE.mid
  python -m tfmusic.generate --model_dir=DIR --prime=FILE.mid --prime_seconds=8

  python -m tfmusic.generate --model_dir=DIR --infill=FILE.mid --infill_bars=3-4

DIR is a run's folder, a SavedModel's folder or a .tflite file; by default, the chorale
model that tfmusic comes with. Without a prime the model starts from nothing. A piece
ends where the model ends it, at the latest after so many --tokens or --seconds.

With --infill, DIR is the run of an infiller (--preset=chorale_infiller) or its .tflite
file. It fills the gaps of a score: a melody alone gets its other voices. Name the
tracks Soprano, Alto, Tenor and Bass where they are not all there.
"""

import json
import time

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.files import write_text
from tfmusic.pretrained import DEFAULT
from tfmusic.quiet import import_tensorflow

DEFAULT_TOKENS = 1024
COMPILED = ", with the time to compile"

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    DEFAULT,
    "A run's folder, a SavedModel's folder, a .tflite file, or the name of a model "
    "that tfmusic comes with.",
)
_OUTPUT = flags.DEFINE_string(
    "output", "chorale.mid", "The MIDI file to write; of several, -1, -2 are added."
)
_PICTURE = flags.DEFINE_string("picture", None, "A piano roll to draw as well, a .png.")
_REPORT = flags.DEFINE_string("report", None, "JSON file to write as well: counts.")
_PRIME = flags.DEFINE_string(
    "prime",
    None,
    "Music to continue: a .mid, .midi, .mxl, .xml, .musicxml or .abc file, or a piece "
    "of a data set, such as bach_chorales:validation:0.",
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
_INFILL = flags.DEFINE_string(
    "infill",
    None,
    "Music to fill instead: a .mid, .midi, .mxl, .xml or .musicxml file. Its voices "
    "without a note, else its empty bars, unless the next flags say what.",
)
_INFILL_VOICES = flags.DEFINE_list(
    "infill_voices", [], "Fill these voices, whatever they have: alto,tenor,bass."
)
_INFILL_BARS = flags.DEFINE_list(
    "infill_bars", [], "Fill these bars (of these voices), counted from 1: 3-4,7."
)
_INFILL_METHOD = flags.DEFINE_enum(
    "infill_method",
    "gibbs",
    ["gibbs", "ancestral"],
    "Draw all cells again and again, or each once, one by one.",
)
_INFILL_STEPS = flags.DEFINE_integer(
    "infill_steps", 128, "How often gibbs draws.", lower_bound=1
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
    from tfmusic.music.piece_files import PieceFiles, check_place

    sampler = _sampler()
    generate, prime_seconds = _infilling() if _INFILL.value else _continuation()
    files = PieceFiles(_OUTPUT.value, _PICTURE.value, _NUM_PIECES.value)
    files.check()
    check_place(_REPORT.value)

    print(f"generating with {_MODEL_DIR.value} ...", flush=True)
    begin = time.perf_counter()
    pieces, num_tokens, note = generate(sampler)
    took = time.perf_counter() - begin
    counts = files.write(pieces, prime_seconds)
    print(
        f"{num_tokens} tokens in {took:.1f} seconds, {num_tokens / took:.0f} tokens/s"
        + note
    )
    if _REPORT.value:
        speed = {"tokens": num_tokens, "tokens_per_second": num_tokens / took}
        text = json.dumps({**counts, **speed}, indent=2, sort_keys=True)
        write_text(_REPORT.value, text + "\n")


def _continuation():
    """A function that continues the prime, and the prime's seconds.

    The function takes a sampler and returns pieces (each with its number of invalid
    tokens), the number of new tokens and a note on the speed.
    """
    import numpy as np

    from tfmusic.music.excerpt import first_seconds
    from tfmusic.sampling import ModelGenerator, generate_seconds, load_generator
    from tfmusic.sampling.primes import read_prime

    generator = load_generator(_MODEL_DIR.value)
    tokenizer = generator.tokenizer
    prime = np.zeros(0, np.int32)
    if _PRIME.value:
        prime = read_prime(
            _PRIME.value,
            tokenizer,
            _DATA_DIR.value,
            _PRIME_SECONDS.value,
            _PRIME_TOKENS.value,
        )
    prime_seconds = tokenizer.decode(prime)[0].total_time

    def generate(sampler):
        primes, seed = [prime] * _NUM_PIECES.value, _SEED.value
        if _SECONDS.value:
            ids = generate_seconds(generator, primes, _SECONDS.value, sampler, seed)
        else:
            num_tokens = _TOKENS.value or DEFAULT_TOKENS
            ids = generator.generate(primes, num_tokens, sampler, seed)
        pieces = [tokenizer.decode(piece) for piece in ids]
        if _SECONDS.value:
            end = prime_seconds + _SECONDS.value
            pieces = [(first_seconds(piece, end), count) for piece, count in pieces]
        num_tokens = sum(map(len, ids)) - len(prime) * len(ids)
        is_model = isinstance(generator, ModelGenerator)
        return pieces, num_tokens, COMPILED if is_model else ""

    return generate, prime_seconds


def _infilling():
    """A function that fills the score: see `_continuation`. There is no prime."""
    from tfmusic.sampling.gaps import parse_bars, parse_voices
    from tfmusic.sampling.score_filling import ScoreFilling

    filling = ScoreFilling(
        _MODEL_DIR.value,
        _INFILL.value,
        parse_voices(_INFILL_VOICES.value),
        parse_bars(_INFILL_BARS.value),
    )

    def generate(sampler):
        settings = _INFILL_METHOD.value, _INFILL_STEPS.value
        pieces = [
            (filling.fill(sampler, _SEED.value, number, *settings), 0)
            for number in range(_NUM_PIECES.value)
        ]
        note = COMPILED if filling.is_compiled else ""
        return pieces, filling.num_gaps * len(pieces), note

    return generate, 0.0


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
    if _INFILL.value:
        for flag in (_PRIME, _TOKENS, _SECONDS):
            if flag.value is not None:
                raise UserError(f"give --{flag.name} or --infill, not both")
        if not _MODEL_DIR.present:
            raise UserError("--infill needs an infiller: give its --model_dir")
        if _REPETITION_PENALTY.value != 1:
            raise UserError("--repetition_penalty is not for --infill: leave it out")
    for flag in (_INFILL_VOICES, _INFILL_BARS):
        if flag.value and not _INFILL.value:
            raise UserError(f"--{flag.name} is a part of a score: give --infill")
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


if __name__ == "__main__":
    run_command(main, __doc__)
