"""A run's folder: what it holds, how it is written and read back."""

import dataclasses
import io
import json
import os
import re
import shutil

from tfmusic import config as configs
from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets.progress import print_line
from tfmusic.errors import UserError
from tfmusic.files import atomic_path, is_file, local_copy, read_text, write_text
from tfmusic.pretrained import find_folder, names
from tfmusic.tokenizers import Tokenizer, tokenizer_from_json

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
METRICS = "metrics.jsonl"
BEST_WEIGHTS = os.path.join("best", "best.weights.h5")
BEST_REPORT = os.path.join("best", "best.json")
TEACHER = "teacher"  # the folder of another run, whose model a training learns from
COMPOSED = "composed.npz"  # in it: the pieces that it composed

# What to do with a model of each kind, where another one is needed.
USES = {
    "decoder": "a decoder, which continues music: leave --infill out, or train an "
    "infiller (python -m tfmusic.train --preset=chorale_infiller)",
    "infiller": "an infiller, which fills gaps: "
    "python -m tfmusic.generate --infill=FILE.mid",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model and all that is needed to use it.

    Attributes:
        model: the MusicDecoder, or ChoraleInfiller, with its best weights.
        tokenizer: that made its ids.
        model_config, train_config: what it was made from.
        best: step and validation scores of the weights.
    """

    model: object
    tokenizer: Tokenizer
    model_config: ModelConfig
    train_config: TrainConfig
    best: dict


def write_settings(
    model_dir: str,
    model_config: ModelConfig,
    train_config: TrainConfig,
    tokenizer: Tokenizer,
) -> None:
    """Writes a run's settings beside what will be trained."""
    settings = {
        "model": dataclasses.asdict(model_config),
        "train": dataclasses.asdict(train_config),
    }
    write_text(os.path.join(model_dir, TOKENIZER), tokenizer.to_json())
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    write_text(os.path.join(model_dir, CONFIG), text)


def read_settings(model_dir: str) -> tuple[ModelConfig, TrainConfig, Tokenizer]:
    """Reads what `write_settings` wrote.

    Raises:
        UserError: the folder is not a run's.
    """
    path = os.path.join(model_dir, CONFIG)
    try:
        settings = json.loads(read_text(path))
        tokenizer = tokenizer_from_json(read_text(os.path.join(model_dir, TOKENIZER)))
        model = configs.from_dict(ModelConfig, settings["model"])
        train = configs.from_dict(TrainConfig, settings["train"])
    except OSError as error:
        raise UserError(
            f"{model_dir} is not a run's folder ({os.path.basename(error.filename)} "
            "is missing): train one with python -m tfmusic.train --model_dir=..., or "
            f"name one that comes with tfmusic: {', '.join(names())}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}): train again") from error
    except UserError as error:
        raise UserError(f"{model_dir} is a run of another version: {error}") from error
    return model, train, tokenizer


def is_run(model_dir: str) -> bool:
    """Whether the folder holds a run's settings."""
    return is_file(os.path.join(model_dir, CONFIG))


def check_there(model_dir: str) -> None:
    """Checks that the folder of a training is still there, lest half of it is made.

    Raises:
        UserError: it is gone.
    """
    if not is_run(model_dir):
        raise UserError(
            f"{model_dir} is gone, or its {CONFIG} is: the training stops; bring the "
            "folder back, and the same command goes on"
        )


def save_best(model, model_dir: str, report: dict) -> None:
    """Keeps the weights as the best so far, with the step and scores of them."""
    with (
        atomic_path(os.path.join(model_dir, BEST_WEIGHTS)) as path,
        open(path, "wb") as file,
    ):
        file.write(_weights_file(model))
    text = json.dumps(report, indent=2, sort_keys=True) + "\n"
    write_text(os.path.join(model_dir, BEST_REPORT), text)


def _weights_file(model):
    """What `model.save_weights` writes, in memory.

    HDF5 can't close a file that the disk has no room for: it tries again when the
    process ends, and may take it down. Keras has no public way to do without one.
    """
    from keras.src.saving import saving_lib

    file = io.BytesIO()
    store = saving_lib.H5IOStore(file, mode="w")
    saving_lib._save_state(model, store, None, "", set())
    store.close()
    return file.getvalue()


def read_best(model_dir: str) -> dict | None:
    """What `save_best` reported; None where there is none yet."""
    try:
        return json.loads(read_text(os.path.join(model_dir, BEST_REPORT)))
    except (FileNotFoundError, NotADirectoryError):
        return None


def load_run(model_dir: str, kind: str | None = None) -> Run:
    """The model of a run with its best weights.

    Args:
        model_dir: the run's folder, or the name of a model that tfmusic comes with,
            where no run's folder has that name (a line on stderr says which it is).
        kind: what the model must be, "decoder" or "infiller"; by default any.

    Raises:
        UserError: the folder is not a run's, its model is of another kind, or its
            weights are missing or do not match its config in every variable.
    """
    from tfmusic.models import make_model

    model_dir = find_folder(model_dir, print_line)
    model_config, train_config, tokenizer = read_settings(model_dir)
    if kind and model_config.kind != kind:
        raise UserError(f"{model_dir} holds {USES[model_config.kind]}")
    path = os.path.join(model_dir, BEST_WEIGHTS)
    best = read_best(model_dir)
    if best is None or not is_file(path):
        raise UserError(
            f"{model_dir} has no evaluated weights yet: let its training reach an "
            "evaluation (python -m tfmusic.train --model_dir=... goes on with it)"
        )
    if tokenizer.vocabulary.size != model_config.vocabulary_size:
        raise UserError(
            f"{model_dir}: the model has {model_config.vocabulary_size} ids but "
            f"tokenizer {tokenizer.name} ({tokenizer.hash}) has "
            f"{tokenizer.vocabulary.size}: they are of different runs"
        )
    model = make_model(model_config)
    load_weights(model, path, "the run's config")
    return Run(model, tokenizer, model_config, train_config, best)


def load_weights(model, path: str, what: str) -> None:
    """Loads a file of weights into a model, to the last variable.

    Args:
        model: of Keras, built.
        path: of a file that ends in .weights.h5.
        what: names what the model is, for the error.

    Raises:
        UserError: they don't fit, or the file can't be read.
    """
    try:
        with local_copy(path) as local:
            model.load_weights(local)
    except (OSError, ValueError, KeyError) as error:
        # Keras's report on several layers has the first one's error within.
        paragraphs = str(error).split("\n\n")
        reason = paragraphs[1] if len(paragraphs) > 1 else paragraphs[0]
        raise UserError(f"{path} does not fit {what}: {reason}") from error


def load_initial_weights(model, source: str) -> None:
    """Loads what a new training begins with.

    Args:
        model: of Keras, built.
        source: file of weights, or folder of a run, whose best ones are taken, or
            the name of a model that tfmusic comes with.

    Raises:
        UserError: there are none, or they don't fit.
    """
    path = find_folder(os.path.expanduser(source), print_line)
    if not is_file(path):
        path = os.path.join(path, BEST_WEIGHTS)
    if not is_file(path):
        raise UserError(
            f"init_from={source}: no weights there; name a file (.weights.h5) or the "
            "folder of a run that was evaluated"
        )
    load_weights(model, path, "this model (--set init_from=...)")


def remove_leftovers(model_dir: str) -> None:
    """Removes the unfinished files of a training that was killed."""
    names = (CONFIG, TOKENIZER, METRICS, BEST_WEIGHTS, BEST_REPORT, COMPOSED)
    folders = model_dir, os.path.join(model_dir, TEACHER)
    for folder in (*folders, *(os.path.join(each, "best") for each in folders)):
        if not os.path.isdir(folder):
            continue
        for entry in os.listdir(folder):
            # As `files.atomic_path` names them.
            match = re.fullmatch(r"\.(.+)\.\w+", entry)
            if match and match[1] in map(os.path.basename, names):
                shutil.rmtree(os.path.join(folder, entry), ignore_errors=True)
