"""A run's folder: what it holds, how it is written and read back."""

import dataclasses
import json
import os

from tfmusic import config as configs
from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.errors import UserError
from tfmusic.files import atomic_path, write_text
from tfmusic.tokenizers import Tokenizer, tokenizer_from_json

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
METRICS = "metrics.jsonl"
BEST_WEIGHTS = os.path.join("best", "best.weights.h5")
BEST_REPORT = os.path.join("best", "best.json")

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
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)
        with open(os.path.join(model_dir, TOKENIZER), encoding="utf-8") as file:
            tokenizer = tokenizer_from_json(file.read())
        model = configs.from_dict(ModelConfig, settings["model"])
        train = configs.from_dict(TrainConfig, settings["train"])
    except OSError as error:
        raise UserError(
            f"{model_dir} is not a run's folder ({os.path.basename(error.filename)} "
            "is missing): train one with python -m tfmusic.train --model_dir=..."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}): train again") from error
    except UserError as error:
        raise UserError(f"{model_dir} is a run of another version: {error}") from error
    return model, train, tokenizer


def is_run(model_dir: str) -> bool:
    """Whether the folder holds a run's settings."""
    return os.path.isfile(os.path.join(model_dir, CONFIG))


def save_best(model, model_dir: str, report: dict) -> None:
    """Keeps the weights as the best so far, with the step and scores of them."""
    with atomic_path(os.path.join(model_dir, BEST_WEIGHTS)) as path:
        model.save_weights(path)
    text = json.dumps(report, indent=2, sort_keys=True) + "\n"
    write_text(os.path.join(model_dir, BEST_REPORT), text)


def read_best(model_dir: str) -> dict | None:
    """What `save_best` reported; None where there is none yet."""
    try:
        with open(os.path.join(model_dir, BEST_REPORT), encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None


def load_run(model_dir: str, kind: str | None = None) -> Run:
    """The model of a run with its best weights.

    Args:
        model_dir: the run's folder.
        kind: what the model must be, "decoder" or "infiller"; by default any.

    Raises:
        UserError: the folder is not a run's, its model is of another kind, or its
            weights are missing or do not match its config in every variable.
    """
    from tfmusic.models import make_model

    model_config, train_config, tokenizer = read_settings(model_dir)
    if kind and model_config.kind != kind:
        raise UserError(f"{model_dir} holds {USES[model_config.kind]}")
    path = os.path.join(model_dir, BEST_WEIGHTS)
    best = read_best(model_dir)
    if best is None or not os.path.isfile(path):
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
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        # Keras's report on several layers has the first one's error within.
        paragraphs = str(error).split("\n\n")
        reason = paragraphs[1] if len(paragraphs) > 1 else paragraphs[0]
        raise UserError(f"{path} does not fit the run's config: {reason}") from error
    return Run(model, tokenizer, model_config, train_config, best)
