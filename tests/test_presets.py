import dataclasses

import pytest

from tfmusic.errors import UserError
from tfmusic.models import make_model
from tfmusic.presets import PRESETS, override

NUM_PARAMETERS = {
    "article": 30_578,
    "chorale_infiller": 939_570,
    "chorale_tiny": 874_546,
    "jsb": 2_565_170,
    "piano": 25_607_559,
    "piano_small": 2_139_271,
}


@pytest.mark.parametrize("name", PRESETS)
def test_number_of_parameters(name):
    model = make_model(PRESETS[name].model)
    assert model.count_params() == NUM_PARAMETERS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_windows_fit_their_models(name):
    preset = PRESETS[name]
    assert preset.train.length <= preset.model.max_length
    assert preset.train.warmup_steps < preset.train.steps


@pytest.mark.parametrize(
    "setting, value",
    [
        ("num_layers=3", 3),
        ("dropout=0", 0.0),
        ("dropout=0.25", 0.25),
        ("attention_bias=false", False),
        ("attention_bias=True", True),
        ("positions=learned", "learned"),
        ("mixer=causal", "causal"),
        ('mixer=["causal", "relative_global"]', ("causal", "relative_global")),
        ("max_distance=64", 64),
        ("max_distance=null", None),
        ('features={"voice": 5}', {"voice": 5}),
        ("learning_rate=1e-3", 1e-3),
        ("learning_rate=1", 1.0),
        ("schedule=inverse_sqrt", "inverse_sqrt"),
        ("dataset=a=b", "a=b"),
        ("seed=-1", -1),
        ("warmup_steps=0", 0),
    ],
)
def test_override(setting, value):
    preset = PRESETS["chorale_tiny"]
    changed = override(preset, [setting])
    key = setting.split("=")[0]
    in_model = key in dataclasses.asdict(preset.model)
    where = changed.model if in_model else changed.train
    assert getattr(where, key) == value
    assert type(getattr(where, key)) is type(value)
    before = preset.model if in_model else preset.train
    restored = dataclasses.replace(where, **{key: getattr(before, key)})
    assert restored == before, "nothing else changed"


def test_override_takes_several_settings_and_the_last_one_holds():
    preset = override(PRESETS["jsb"], ["steps=5", "num_layers=1", "steps=6"])
    assert (preset.train.steps, preset.model.num_layers) == (6, 1)
    assert override(PRESETS["jsb"], []) == PRESETS["jsb"]


@pytest.mark.parametrize(
    "setting, message",
    [
        ("steps", "--set=steps: write --set key=value"),
        ("colour=red", "--set colour: unknown; known: .*num_layers.*learning_rate"),
        ("__class__=3", "--set __class__: unknown"),
        ("num_layers=many", "--set num_layers='many': expected int"),
        ("num_layers=1.5", "--set num_layers=1.5: expected int"),
        ("num_layers=true", "--set num_layers=True: expected int"),
        ("num_layers=null", "--set num_layers=None: expected int"),
        ("num_layers=0", "num_layers=0: expected at least 1"),
        ("max_distance=0", "max_distance=0: expected at least 1"),
        ("max_distance=far", r"--set max_distance='far': expected int \| None"),
        ("steps=-1", "steps=-1: expected at least 1"),
        ("checkpoint_every=0", "checkpoint_every=0: expected at least 1"),
        ("dropout=half", "--set dropout='half': expected float"),
        ("xla=1", "--set xla=1: expected bool"),
        ("positions=1", "--set positions=1: expected str"),
        ("mixer=1", r"--set mixer=1: expected str \| tuple"),
        ("features=voice", "--set features='voice': expected dict"),
        ("schedule=linear", "schedule='linear': expected one of .*'cosine'"),
        ("dtype=float16", "dtype='float16': expected one of .*'bfloat16'"),
    ],
)
def test_override_refuses(setting, message):
    with pytest.raises(UserError, match=message):
        override(PRESETS["chorale_tiny"], [setting])
