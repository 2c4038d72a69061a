"""Makes a run into a model that tfmusic comes with: float16, scored, with a card.

Usage:
  python -m tfmusic.ship --model_dir=RUN --input=jsb.zip --hours=2.5 \\
    --training='python -m tfmusic.train --preset=jsb --input=jsb.zip'

Writes tfmusic/weights/NAME/, at most 5 MiB: settings and best weights as a run has
them, but calibrated on the validation split and rounded; report.json, and
MODEL_CARD.md, which says what report.json says. All scores are of these weights, as
`python -m tfmusic.evaluate --model_dir=NAME` gives them.

The report names the pieces of another data set's held-out splits that share no passage
with the training's music, by which this and other models can be compared.
"""

import json
import os

import numpy as np
from absl import flags

import tfmusic
from tfmusic import pretrained
from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.files import atomic_folder, write_text
from tfmusic.quiet import import_tensorflow
from tfmusic.tokenizers import check_same

HELD_OUT = ("validation", "test")

_MODEL_DIR = flags.DEFINE_string("model_dir", None, "The run's folder.", required=True)
_NAME = flags.DEFINE_string(
    "name", pretrained.DEFAULT, "What the model will be called."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "The folder to write; by default that of the package."
)
_INPUT = flags.DEFINE_string(
    "input", None, "File, folder or zip of the run's data set, if it is not built in."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_UNSEEN_IN = flags.DEFINE_string(
    "unseen_in",
    "bach_chorales",
    "Data set to look for pieces that are new to the model.",
)
_TRAINING = flags.DEFINE_multi_string(
    "training",
    None,
    "The command that trained it; repeatable, in order.",
    required=True,
)
_HOURS = flags.DEFINE_float(
    "hours", None, "How long all training took.", required=True, lower_bound=0.0
)
_KEYS = flags.DEFINE_integer(
    "keys",
    5,
    "Transpositions to average predictions over, for the second score of each split.",
    lower_bound=1,
    upper_bound=12,
)
_MEAN_WITH = flags.DEFINE_string(
    "mean_with", None, "Another run of the same model, to take the mean of both of."
)
_MEAN_WEIGHT = flags.DEFINE_float(
    "mean_weight",
    0.5,
    "The other run's part of the mean.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_CALIBRATE = flags.DEFINE_bool(
    "calibrate",
    True,
    "Divide the logits by the temperature that the validation split is likeliest at.",
)
_XLA = flags.DEFINE_bool("xla", True, "Compile the scoring with XLA.")
_HARDWARE = flags.DEFINE_string("hardware", "2 CPU cores", "On what it was trained.")


def main() -> None:
    import_tensorflow()
    from tfmusic.datasets.progress import print_line
    from tfmusic.model_card import write_card
    from tfmusic.training import run as runs
    from tfmusic.training.calibration import calibrate

    run = runs.load_run(_MODEL_DIR.value, kind="decoder")
    if run.tokenizer.name != "chorale":
        raise UserError(
            f"{_MODEL_DIR.value} writes {run.tokenizer.name} tokens: only chorales can "
            "be compared with a training's music so far"
        )
    if _MEAN_WITH.value:
        other = runs.load_run(_MEAN_WITH.value, kind="decoder")
        take_mean(run, other, _MEAN_WEIGHT.value)
    output = _OUTPUT_DIR.value or os.path.join(pretrained.FOLDER, _NAME.value)
    with atomic_folder(output) as folder:
        _write_run(run, folder)
        _check_size(folder)  # before the long work
        temperature = 1.0
        if _CALIBRATE.value:
            pieces = _load_pieces(run, "validation")
            temperature = calibrate(
                run.model, run.tokenizer, pieces, _XLA.value, print_line
            )
            _write_run(run, folder)
        report = _report(run, runs.load_run(folder), print_line)
        report["temperature"] = temperature
        best = {"step": run.best["step"], **report["validation"]}
        write_text(os.path.join(folder, runs.BEST_REPORT), _json(best))
        files = (runs.CONFIG, runs.TOKENIZER, runs.BEST_WEIGHTS, runs.BEST_REPORT)
        report["sha256"] = {
            name: pretrained.file_sha256(os.path.join(folder, name)) for name in files
        }
        write_text(os.path.join(folder, pretrained.REPORT), _json(report))
        write_card(folder)
        num_bytes = _check_size(folder)
    print(
        f"{output}: {report['validation']['nats_per_token']:.4f} validation and "
        f"{report['test']['nats_per_token']:.4f} test nats/token, "
        f"{num_bytes / 2**20:.2f} MiB"
    )


def take_mean(run, other, weight: float) -> None:
    """Moves a run's weights towards another's.

    Args:
        run: of `load_run`; its model changes.
        other: a run of the same model, begun with weights that both share.
        weight: of the other, 0 to 1.

    Raises:
        UserError: they are not of one model.

    Reference:
        [Wortsman et al., 2022](https://arxiv.org/abs/2203.05482), section 2.
    """
    check_same(run.tokenizer, other.tokenizer, "the run", "--mean_with")
    shapes = [[x.shape for x in each.model.weights] for each in (run, other)]
    if shapes[0] != shapes[1]:
        raise UserError("--mean_with is a run of another model: name one of the same")
    for ours, theirs in zip(
        run.model.trainable_variables, other.model.trainable_variables, strict=True
    ):
        ours.assign((1 - weight) * ours + weight * theirs)


def _write_run(run, folder):
    """Writes the settings of a run, and its weights in float16."""
    from tfmusic.training import run as runs
    from tfmusic.training.half_weights import write_half_weights

    runs.write_settings(folder, run.model_config, run.train_config, run.tokenizer)
    runs.save_best(run.model, folder, run.best)
    path = os.path.join(folder, runs.BEST_WEIGHTS)
    write_half_weights(path, f"{path}.half")
    os.replace(f"{path}.half", path)


def _load_pieces(run, split):
    """A split of the data set that a run was trained on."""
    from tfmusic.datasets.pieces import load_pieces

    dataset = run.train_config.dataset
    return load_pieces(dataset, split, run.tokenizer, _DATA_DIR.value, _INPUT.value)


def _report(run, rounded, log):
    """How the model was trained, and what its rounded weights score."""
    from tfmusic.datasets.pieces import load_pieces
    from tfmusic.datasets.selection import select, without_kin
    from tfmusic.training.evaluation import Evaluator

    model, tokenizer = rounded.model, rounded.tokenizer
    other = _UNSEEN_IN.value

    def score(pieces, keys=1):
        log(f"scoring {len(pieces)} pieces, {pieces.num_tokens:,} tokens, keys: {keys}")
        evaluator = Evaluator(model, tokenizer, pieces, xla=_XLA.value, keys=keys)
        return {**evaluator(log), "stride": evaluator.stride}

    trained_on, unseen = _load_pieces(rounded, "train"), {}
    for split in HELD_OUT:
        pieces = load_pieces(other, split, tokenizer, _DATA_DIR.value)
        pieces = without_kin(pieces, trained_on, tokenizer)
        if len(pieces):
            newest = pieces
            unseen[split] = {**score(pieces), "pieces": pieces.names}
    if not unseen:
        raise UserError(f"no held-out piece of {other} is new to the model")
    lengths = dict(zip(newest.names, np.diff(newest.offsets), strict=True))
    held_out = {split: _load_pieces(rounded, split) for split in HELD_OUT}
    shortest = min(lengths, key=lengths.get)
    return {
        "name": _NAME.value,
        "version": tfmusic.__version__,
        "parameters": model.count_params(),
        "tokenizer": {"name": tokenizer.name, "hash": tokenizer.hash},
        "training": _TRAINING.value,
        "hours": _HOURS.value,
        "hardware": _HARDWARE.value,
        "step": run.best["step"],
        # As trained, before all that was done here.
        "validation_float32": run.best["nats_per_token"],
        "mean_weight": _MEAN_WEIGHT.value if _MEAN_WITH.value else 0.0,
        **{split: score(held_out[split]) for split in HELD_OUT},
        "keys": _KEYS.value,
        "in_keys": {split: score(held_out[split], _KEYS.value) for split in HELD_OUT},
        "unseen": {other: unseen},
        # By which a test can tell in no time that the weights are these.
        "sample": {**score(select(newest, [shortest])), "pieces": [shortest]},
    }


def _check_size(folder):
    """The bytes of all files, which are not too many."""
    num_bytes = sum(
        os.path.getsize(os.path.join(path, name))
        for path, _, names in os.walk(folder)
        for name in names
    )
    if num_bytes > pretrained.MAX_BYTES:
        raise UserError(
            f"{_MODEL_DIR.value} takes {num_bytes / 2**20:.2f} MiB in float16, more "
            f"than {pretrained.MAX_BYTES >> 20}: train a smaller model"
        )
    return num_bytes


def _json(values):
    return json.dumps(values, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    run_command(main, __doc__)
