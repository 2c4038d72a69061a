"""Scores every token of a split exactly once.

Usage:
  python -m tfmusic.evaluate --model_dir=DIR --split=validation --output=FILE.json

Prints JSON: nats per token, per note and per second of music, accuracy, and the
nats of a piece's end apart. Numbers of different tokenizers compare per note or per
second only; the tokenizer's name and hash stand beside them.

Of an infiller: framewise, notewise and chronological nats per token, averaged over
random orders (see `tfmusic.training.orderings`), one pass for each token and order.
"""

import contextlib
import json

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import run_command
from tfmusic.files import atomic_path
from tfmusic.quiet import import_tensorflow

_MODEL_DIR = flags.DEFINE_string("model_dir", None, "A run's folder.", required=True)
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
_ORDERS = flags.DEFINE_integer(
    "orders", 1, "Random orders to average over, of an infiller.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write as well.")


def main() -> None:
    import_tensorflow()
    from tfmusic.datasets.pieces import load_pieces
    from tfmusic.datasets.progress import print_line
    from tfmusic.training.run import load_run

    run = load_run(_MODEL_DIR.value)
    dataset = _DATASET.value or run.train_config.dataset
    pieces = load_pieces(
        dataset, _SPLIT.value, run.tokenizer, _DATA_DIR.value, _INPUT.value
    )
    evaluator, settings = _evaluator(run, pieces)
    output = _OUTPUT.value
    # Entered first: a place that can't be written is found before the long work.
    with atomic_path(output) if output else contextlib.nullcontext() as path:
        report = {
            "dataset": dataset,
            "split": _SPLIT.value,
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
    if run.model.kind == "infiller":
        batch_size, orders = _BATCH_SIZE.value or 64, _ORDERS.value
        evaluator = OrderingEvaluator(*args, orders, batch_size, xla=True)
        return evaluator, {"orders": orders}
    batch_size, stride = _BATCH_SIZE.value or 8, _STRIDE.value
    evaluator = Evaluator(*args, batch_size, stride, xla=True)
    return evaluator, {"stride": evaluator.stride}


if __name__ == "__main__":
    run_command(main, __doc__)
