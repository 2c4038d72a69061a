"""Trains a music transformer, or goes on with a run.

Usage:
  python -m tfmusic.train --preset=chorale_tiny --model_dir=DIR

Prepares the built-in data by itself. Where DIR holds a run with these settings, its
training goes on at the next step, however it was stopped.

SIGTERM (a preemption) and Ctrl-C save the state and end the training; a second one
ends it at once. Exit codes: 0 done, 2 wrong input or a folder that can't be written
to, 75 after SIGTERM, 130 after Ctrl-C, 69 where another worker is gone: with
--strategy=multi_worker, whoever ends with 69 or 75 is started again with all others.
"""

import dataclasses
import os

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import run_command
from tfmusic.files import check_writable
from tfmusic.presets import PRESETS, override
from tfmusic.quiet import import_tensorflow
from tfmusic.training.interruption import interruptible

_PRESET = flags.DEFINE_enum(
    "preset", "chorale_tiny", sorted(PRESETS), "Model and training, by name."
)
_DATASET = flags.DEFINE_string(
    "dataset",
    None,
    "Data set; by default the preset's. Another one brings its own tokenizer, unless "
    "--set tokenizer names one.",
)
_INPUT = flags.DEFINE_string(
    "input", None, "File, folder or zip of a data set that is not built in."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_MODEL_DIR = flags.DEFINE_string(
    "model_dir", None, "The run's folder; by default out/PRESET."
)
_STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "one_device", "mirrored", "multi_worker", "tpu"],
    "Devices to train on.",
)
_TPU = flags.DEFINE_string(
    "tpu",
    "local",
    "For --strategy=tpu: the TPU's name or address; local for this machine's own.",
)
_STEPS = flags.DEFINE_integer(
    "steps", None, "Optimizer steps in all; by default the preset's.", lower_bound=1
)
_BFLOAT16 = flags.DEFINE_bool(
    "bfloat16", None, "Compute in bfloat16; by default on a TPU, or as the preset says."
)
_XLA = flags.DEFINE_bool("xla", None, "Compile with XLA.")
_SEED = flags.DEFINE_integer("seed", None, "Of everything random.")
_SET = flags.DEFINE_multi_string(
    "set", [], "key=value: any setting of the preset's model or training; repeatable."
)


@interruptible()
def main() -> None:
    preset = override(PRESETS[_PRESET.value], _SET.value)
    changes = {
        "dataset": _DATASET.value,
        "steps": _STEPS.value,
        "dtype": {True: "bfloat16", False: "float32"}.get(_BFLOAT16.value),
        "xla": _XLA.value,
        "seed": _SEED.value,
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    if _STRATEGY.value == "tpu" and "dtype" not in changes and not _sets("dtype"):
        changes["dtype"] = "bfloat16"
    train_config = dataclasses.replace(preset.train, **changes)
    dataset = registry.get_dataset(train_config.dataset)
    if dataset != registry.get_dataset(preset.train.dataset) and not _sets("tokenizer"):
        train_config = dataclasses.replace(train_config, tokenizer=dataset.tokenizer)
    # A shell leaves the ~ of --model_dir=~/run to us.
    model_dir = os.path.expanduser(_MODEL_DIR.value or f"out/{_PRESET.value}")
    check_writable(model_dir)
    import_tensorflow()

    from tfmusic.datasets.pieces import load_pieces
    from tfmusic.tokenizers import get_tokenizer
    from tfmusic.training.strategy import default_block_size, get_strategy, is_chief
    from tfmusic.training.trainer import train

    strategy = get_strategy(_STRATEGY.value, _TPU.value)
    tokenizer = get_tokenizer(train_config.tokenizer, **train_config.tokenizer_options)
    pieces = {
        split: load_pieces(
            train_config.dataset, split, tokenizer, _DATA_DIR.value, _INPUT.value
        )
        for split in ("train", "validation")
    }
    features = preset.model.features
    if not _sets("features"):  # the preset's, as far as this tokenizer has them
        features = {
            name: tokenizer.features[name]
            for name in features
            if name in tokenizer.features
        }
    model_config = dataclasses.replace(
        preset.model, vocabulary_size=tokenizer.vocabulary.size, features=features
    )
    if model_config.attention_block_size is None and not _sets("attention_block_size"):
        block_size = default_block_size(strategy, train_config.length)
        model_config = dataclasses.replace(
            model_config, attention_block_size=block_size
        )
    best = train(model_config, train_config, tokenizer, pieces, model_dir, strategy)
    if is_chief(strategy):
        print(
            f"best: {best['nats_per_token']:.4f} validation nats/token at step "
            f"{best['step']}; the run is in {model_dir}"
        )


def _sets(key: str) -> bool:
    """Whether the user gave this setting."""
    return any(setting.partition("=")[0] == key for setting in _SET.value)


if __name__ == "__main__":
    run_command(main, __doc__)
