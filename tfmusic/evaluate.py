"""Scores every token of a split exactly once, or compares music with real music.

Usage:
  python -m tfmusic.evaluate --model_dir=DIR --split=validation --output=FILE.json

  python -m tfmusic.evaluate --music --model_dir=DIR --output=FOLDER
  python -m tfmusic.evaluate --music --generated=FOLDER --dataset=NAME --output=FOLDER

Prints JSON: nats per token, per note and per second of music, accuracy, nats per token
of each voice (or of each kind of event, where the tokens are events), and the nats of a
piece's end apart. Numbers of different tokenizers compare per note or per
second only; the tokenizer's name and hash stand beside them.

With --keys, predictions are means over so many transpositions of the music.

Of an infiller: framewise, notewise and chronological nats per token, averaged over
random orders (see `tfmusic.training.orderings`), one pass for each token and order.

With --music, pieces that the model generates (DIR may be a SavedModel's folder or a
.tflite file then), or those of a folder, are compared with the beginnings of real
pieces of the split, of the same length: pitches, rhythm, polyphony, repetition, each
with the overlap of its distributions (Yang and Lerch, 2020), and the longest runs
that stand in the training split as well, beside those of the split's own pieces. It
prints tables; --output and --pictures keep the numbers, the music and the pictures.
"""

import contextlib
import json
import os

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.files import atomic_path, write_text
from tfmusic.pretrained import find_folder, select_unseen
from tfmusic.quiet import import_tensorflow

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    None,
    "A run's folder, or the name of a model that tfmusic comes with; with --music also "
    "an exported model.",
)
_SPLIT = flags.DEFINE_enum(
    "split", "validation", ["train", "validation", "test"], "What to score."
)
_DATASET = flags.DEFINE_string("dataset", None, "Data set; by default the run's.")
_INPUT = flags.DEFINE_string(
    "input", None, "File, folder or zip of a data set that is not built in."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_UNSEEN_BY = flags.DEFINE_string(
    "unseen_by",
    None,
    "Score only pieces that share no passage with what this model, one that tfmusic "
    "comes with, was trained on.",
)
_STRIDE = flags.DEFINE_integer(
    "stride",
    None,
    "Tokens between the windows of a long piece; by default a quarter of the model's "
    "max_length. Smaller gives each token more context and takes longer.",
    lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    None,
    "Windows at once; by default 8, of an infiller 64.",
    lower_bound=1,
)
_KEYS = flags.DEFINE_integer(
    "keys",
    1,
    "Transpositions to average each prediction over, by 0, -1, 1, -2, ... semitones: "
    "better predictions of a decoder that was trained on transposed music, for so many "
    "times the work.",
    lower_bound=1,
    upper_bound=12,
)
_ORDERS = flags.DEFINE_integer(
    "orders", 1, "Random orders of an infiller to average over.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "JSON file to write as well; with --music also a folder, for statistics.json, the "
    "generated music and pictures.",
)
_MUSIC = flags.DEFINE_bool(
    "music", False, "Compare generated with real music instead of scoring tokens."
)
_GENERATED = flags.DEFINE_string(
    "generated", None, "With --music: a folder of music files, instead of a model."
)
_PICTURES = flags.DEFINE_string(
    "pictures", None, "With --music: the folder for pictures; by default the output's."
)
_NUM_PIECES = flags.DEFINE_integer(
    "num_pieces", 16, "With --music: how many pieces to generate.", lower_bound=1
)
_TOKENS = flags.DEFINE_integer(
    "tokens", 1024, "With --music: most tokens of a piece.", lower_bound=1
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "With --music: the same seed gives the same music.", lower_bound=0
)
_TEMPERATURE = flags.DEFINE_float(
    "temperature", 1.0, "With --music: below 1 plays safe, above 1 dares more."
)
_TOP_P = flags.DEFINE_float(
    "top_p", 1.0, "With --music: draw from the likeliest tokens of this mass together."
)
_OF_MUSIC = (_GENERATED, _PICTURES, _NUM_PIECES, _TOKENS, _SEED, _TEMPERATURE, _TOP_P)
_OF_GENERATING = (_MODEL_DIR, _NUM_PIECES, _TOKENS, _TEMPERATURE, _TOP_P)
_OF_SCORING = (_UNSEEN_BY, _STRIDE, _BATCH_SIZE, _KEYS, _ORDERS)
_OF_DECODERS, _OF_INFILLERS = (_STRIDE, _KEYS), (_ORDERS,)


def main() -> None:
    _check_flags()
    if _MUSIC.value:
        _compare_music()
    else:
        _score()


def _check_flags() -> None:
    """Finds what can be wrong before anything is loaded."""
    for flag in _OF_SCORING if _MUSIC.value else _OF_MUSIC:
        if flag.present:
            without = "without" if _MUSIC.value else "with"
            raise UserError(f"--{flag.name} is used {without} --music only")
    if _GENERATED.value is None and _MODEL_DIR.value is None:
        more = " or --generated" if _MUSIC.value else ""
        raise UserError(f"--model_dir{more} is needed: see --help")
    if _GENERATED.value is not None:
        for flag in _OF_GENERATING:
            if flag.present:
                raise UserError(f"give --generated or --{flag.name}, not both")
        if _DATASET.value is None:
            raise UserError("--generated needs --dataset, to compare with")


def _compare_music() -> None:
    """Prints the statistics of music, and writes what is wanted."""
    import_tensorflow()
    from tfmusic.datasets.progress import print_line
    from tfmusic.music.piece_files import check_place
    from tfmusic.statistics.music_evaluation import evaluate_folder, write_sequences
    from tfmusic.statistics.pictures import OVERVIEW, draw_pictures
    from tfmusic.statistics.table import format_report

    output, pictures, folder = _OUTPUT.value, _PICTURES.value, None
    if output and not output.endswith(".json"):
        folder, output = output, os.path.join(output, "statistics.json")
        pictures = pictures or folder
    check_place(output)
    check_place(pictures and os.path.join(pictures, OVERVIEW))
    if _GENERATED.value is not None:
        report = evaluate_folder(
            _GENERATED.value, _data(_DATASET.value), _SEED.value, print_line
        )
        source = {"folder": _GENERATED.value}
    else:
        report, source = _generate(print_line)
    numbers = {**report.numbers, "source": source}
    print(format_report(numbers))
    if output:
        write_text(output, json.dumps(numbers, indent=2) + "\n")
    if folder:
        write_sequences(report.sequences, folder)
    if pictures:
        draw_pictures(report.comparisons, pictures)
    for place in dict.fromkeys(filter(None, (output, pictures))):
        print(f"written: {place}")


def _generate(log):
    """The report on the model's music, and what of it is to be reported besides."""
    from tfmusic.sampling import Sampler, load_generator
    from tfmusic.statistics.music_evaluation import evaluate_model
    from tfmusic.training import run

    model_dir, dataset = _MODEL_DIR.value, _DATASET.value
    try:
        sampler = Sampler(temperature=_TEMPERATURE.value, top_p=_TOP_P.value)
    except ValueError as error:
        raise UserError(f"--{error}") from error
    generator = load_generator(model_dir)
    if dataset is None:
        folder = find_folder(model_dir)
        if not run.is_run(folder):
            raise UserError(f"{model_dir} does not say its data set: give --dataset")
        dataset = run.read_settings(folder)[1].dataset
    settings = {flag.name: flag.value for flag in (_NUM_PIECES, _TOKENS, _SEED)}
    report = evaluate_model(
        generator,
        _data(dataset),
        _NUM_PIECES.value,
        _TOKENS.value,
        sampler,
        _SEED.value,
        log,
    )
    tokenizer = {"name": generator.tokenizer.name, "hash": generator.tokenizer.hash}
    return report, {
        "model_dir": model_dir,
        **settings,
        "temperature": _TEMPERATURE.value,
        "top_p": _TOP_P.value,
        "tokenizer": tokenizer,
    }


def _data(dataset):
    """The real music that the flags name."""
    from tfmusic.statistics.music_evaluation import Data

    return Data(dataset, _SPLIT.value, _DATA_DIR.value, _INPUT.value)


def _score() -> None:
    """Prints the scores of the split's tokens as JSON."""
    import_tensorflow()
    from tfmusic.datasets.pieces import load_pieces
    from tfmusic.datasets.progress import print_line
    from tfmusic.training.run import load_run

    run = load_run(_MODEL_DIR.value)
    dataset = _DATASET.value or run.train_config.dataset
    pieces = load_pieces(
        dataset, _SPLIT.value, run.tokenizer, _DATA_DIR.value, _INPUT.value
    )
    if _UNSEEN_BY.value:
        pieces = select_unseen(pieces, _UNSEEN_BY.value, dataset, _SPLIT.value)
    evaluator, settings = _evaluator(run, pieces)
    output = _OUTPUT.value
    # Entered first: a place that can't be written is found before the long work.
    with atomic_path(output) if output else contextlib.nullcontext() as path:
        report = {
            "dataset": dataset,
            "split": _SPLIT.value,
            "unseen_by": _UNSEEN_BY.value,
            **evaluator(log=print_line),
            "max_length": run.model.max_length,
            **settings,
            "tokenizer": {"name": run.tokenizer.name, "hash": run.tokenizer.hash},
            "model_dir": _MODEL_DIR.value,
            "step": run.best["step"],
        }
        text = json.dumps(report, indent=2)
        if path:
            with open(path, "w", encoding="utf-8") as file:
                print(text, file=file)
    print(text)


def _evaluator(run, pieces):
    """What scores the run's model, and what to report of its settings."""
    from tfmusic.training.evaluation import Evaluator
    from tfmusic.training.orderings import OrderingEvaluator

    args = run.model, run.tokenizer, pieces
    for flag in _OF_DECODERS if run.model.kind == "infiller" else _OF_INFILLERS:
        if flag.present:
            raise UserError(
                f"--{flag.name} says nothing about {_MODEL_DIR.value}, which is of "
                f"kind {run.model.kind}: leave it out"
            )
    if run.model.kind == "infiller":
        batch_size, orders = _BATCH_SIZE.value or 64, _ORDERS.value
        evaluator = OrderingEvaluator(*args, orders, batch_size, xla=True)
        return evaluator, {"orders": orders}
    batch_size, stride, keys = _BATCH_SIZE.value or 8, _STRIDE.value, _KEYS.value
    evaluator = Evaluator(*args, batch_size, stride, xla=True, keys=keys)
    return evaluator, {"stride": evaluator.stride, "keys": keys}


if __name__ == "__main__":
    run_command(main, __doc__)
