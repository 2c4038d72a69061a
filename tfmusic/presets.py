"""Models and trainings by name, and how a user changes one."""

import dataclasses
import json
import types
import typing

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.errors import UserError


@dataclasses.dataclass(frozen=True)
class Preset:
    """A model and its training, under one name."""

    model: ModelConfig
    train: TrainConfig


CHORALE_FEATURES = {"voice": 5, "beat": 17}

PRESETS = {
    # python -m tfmusic.train --preset=chorale_tiny
    # 2 CPU cores, about 8 minutes: 0.378 validation nats per token. Short windows,
    # weight decay instead of dropout, and many steps: see BENCHMARKS.md.
    "chorale_tiny": Preset(
        ModelConfig(
            vocabulary_size=50,
            num_layers=4,
            num_heads=4,
            hidden_dim=128,
            intermediate_dim=512,
            max_length=128,
            features=CHORALE_FEATURES,
            dropout=0.0,
        ),
        TrainConfig(
            dataset="bach_chorales",
            tokenizer="chorale",
            steps=6000,
            batch_size=16,
            length=128,
            learning_rate=2e-3,
            weight_decay=0.3,
            transpose=6,
            evaluate_every=1500,
            checkpoint_every=500,
        ),
    ),
    # python -m tfmusic.train --preset=chorale_infiller
    # 2 CPU cores, about 6 minutes by the speed of a run of 1,200 steps, which ended at
    # 0.66 validation nats per token by the quick score. With FNet in two of the layers,
    # --set mixer='["fourier","fourier","full","full"]', it learns a little less from
    # as much time: see BENCHMARKS.md.
    "chorale_infiller": Preset(
        ModelConfig(
            kind="infiller",
            vocabulary_size=50,
            num_layers=4,
            num_heads=4,
            hidden_dim=128,
            intermediate_dim=512,
            max_length=128,
            mixer="full",
            features=CHORALE_FEATURES,
            dropout=0.0,
        ),
        TrainConfig(
            dataset="bach_chorales",
            tokenizer="chorale",
            steps=4000,
            batch_size=16,
            length=128,
            learning_rate=2e-3,
            weight_decay=0.3,
            transpose=6,
            evaluate_every=1000,
            checkpoint_every=500,
        ),
    ),
    # python -m tfmusic.train --preset=jsb --input=Jsb16thSeparated.json
    # Fourier convolutions, which hear how long notes have been held, and attention,
    # which finds the phrase that is repeated: most begin 200 to 460 tokens before, so
    # windows are longer. BENCHMARKS.md has what each choice bought. Not run in one go:
    # the shipped weights came of four trainings, see their card.
    "jsb": Preset(
        ModelConfig(
            vocabulary_size=50,
            num_layers=5,
            num_heads=4,
            hidden_dim=192,
            intermediate_dim=768,
            max_length=640,
            max_distance=512,
            mixer=("fourier_convolution", "fourier_convolution", "relative_global")
            + ("fourier_convolution", "relative_global"),
            mixer_options={"fourier_convolution": {"tokens_per_step": 4}},
            features=CHORALE_FEATURES,
            dropout=0.3,
        ),
        TrainConfig(
            dataset="jsb_chorales",
            tokenizer="chorale",
            steps=10_000,
            batch_size=4,
            length=640,
            learning_rate=2e-3,
            optimizer="muon",
            weight_decay=0.3,
            transpose=6,
            ema=0.997,
            evaluate_every=1000,
            checkpoint_every=250,
        ),
    ),
    # python -m tfmusic.train --preset=piano --input=maestro-v3.0.0-midi.zip
    # The Music Transformer's size for piano performances, and its augmentation.
    "piano": Preset(
        ModelConfig(
            vocabulary_size=391,
            num_layers=6,
            num_heads=8,
            hidden_dim=512,
            intermediate_dim=2048,
            max_length=2048,
        ),
        TrainConfig(
            dataset="maestro",
            tokenizer="performance",
            steps=100_000,
            batch_size=16,
            length=2048,
            learning_rate=1e-3,
            warmup_steps=4000,
            schedule="inverse_sqrt",
            transpose=3,
            stretches=(0.95, 0.975, 1.0, 1.025, 1.05),
        ),
    ),
    # python -m tfmusic.train --preset=piano_small --input=maestro-v3.0.0-midi.zip
    # Piano performances as far as an hour of one CPU core goes: 6 million tokens, a
    # quarter of the training split. So neither dropout nor augmentation; the mixers are
    # those that learned most by the minute, see BENCHMARKS.md.
    "piano_small": Preset(
        ModelConfig(
            vocabulary_size=391,
            num_layers=4,
            num_heads=4,
            hidden_dim=192,
            intermediate_dim=768,
            max_length=512,
            mixer=("fourier_convolution",) * 3 + ("relative_global",),
            dropout=0.0,
        ),
        TrainConfig(
            dataset="maestro",
            tokenizer="performance",
            steps=3000,
            batch_size=4,
            length=512,
            learning_rate=2e-3,
            weight_decay=0.1,
            evaluate_every=1000,
            evaluate_pieces=6,
        ),
    ),
    # python -m tfmusic.train --preset=article
    # The small decoder of the article that this package grew from, on folk songs.
    "article": Preset(
        ModelConfig(
            vocabulary_size=50,
            num_layers=2,
            num_heads=2,
            hidden_dim=32,
            intermediate_dim=128,
            max_length=64,
            mixer="causal",
            positions="learned",
            activation="relu",
            dropout=0.1,
            attention_dropout=0.1,
            attention_bias=False,
        ),
        TrainConfig(
            dataset="essen/erk",
            tokenizer="melody",
            steps=2000,
            batch_size=32,
            length=64,
            learning_rate=1e-3,
        ),
    ),
}


def override(preset: Preset, settings: list[str]) -> Preset:
    """The preset with `key=value` settings of either of its configs replaced.

    Values are JSON, or plain strings where that is what they are.

    Raises:
        UserError: a key is unknown, or a value is not of its field's type.
    """
    model, train = preset.model, preset.train
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator:
            raise UserError(f"--set={setting}: write --set key=value")
        try:
            value = json.loads(text.lower() if text in ("True", "False") else text)
        except json.JSONDecodeError:
            value = text
        if isinstance(value, list):
            value = tuple(value)
        if key in _types(model):
            model = _replace(model, key, value)
        elif key in _types(train):
            train = _replace(train, key, value)
        else:
            known = [*_types(model), *_types(train)]
            raise UserError(f"--set {key}: unknown; known: {', '.join(known)}")
    return Preset(model, train)


def _types(config) -> dict:
    """The fields of a config with their types."""
    return {field.name: field.type for field in dataclasses.fields(config)}


def _replace(config, key, value):
    kind = _types(config)[key]
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    plain = [typing.get_origin(kind) or kind for kind in kinds]
    if float in plain and type(value) is int:
        value = float(value)
    if type(value) not in plain:  # exactly: to isinstance, True is an integer
        name = kind.__name__ if isinstance(kind, type) else kind
        raise UserError(f"--set {key}={value!r}: expected {name}")
    return dataclasses.replace(config, **{key: value})
