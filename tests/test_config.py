import dataclasses
import json

import pytest

from tfmusic.config import ModelConfig, TrainConfig, from_dict, to_json
from tfmusic.errors import UserError
from tfmusic.presets import PRESETS

HYBRID = dataclasses.replace(
    PRESETS["jsb"].model, num_layers=2, mixer=("causal", "relative_global")
)


@pytest.mark.parametrize(
    "config",
    [HYBRID, *(part for p in PRESETS.values() for part in (p.model, p.train))],
)
def test_json_round_trip(config):
    text = to_json(config)
    assert from_dict(type(config), json.loads(text)) == config
    assert to_json(from_dict(type(config), json.loads(text))) == text
    keys = list(json.loads(text))
    assert keys == sorted(keys)


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        HYBRID.num_layers = 3


@pytest.mark.parametrize(
    "cls, changes, message",
    [
        (ModelConfig, {"colour": "red"}, "unknown setting 'colour'; known: .*'mixer'"),
        (ModelConfig, {"num_heads": None}, "num_heads"),
        (TrainConfig, {"steps": None}, "steps"),
        (TrainConfig, {"log_every": 0}, "log_every=0: expected at least 1"),
        (TrainConfig, {"ema": 1.0}, "ema=1.0: expected at least 0 and less than 1"),
    ],
)
def test_json_of_something_else_is_a_user_error(cls, changes, message):
    preset = PRESETS["jsb"]
    values = dataclasses.asdict(
        {ModelConfig: preset.model, TrainConfig: preset.train}[cls]
    )
    values.update(changes)
    values = {key: value for key, value in values.items() if value is not None}
    with pytest.raises(UserError, match=message):
        from_dict(cls, values)
