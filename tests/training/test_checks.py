import dataclasses

import numpy as np
import pytest

from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN
from tfmusic.errors import UserError
from tfmusic.models import make_model
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.training import checks, run


def check(num_replicas=1, features=None, **changes):
    model = MODEL
    if features is not None:
        model = dataclasses.replace(model, features=features)
    train = dataclasses.replace(TRAIN, **changes)
    checks.check_settings(model, train, TOKENIZER, num_replicas)


def test_settings_that_fit():
    check()
    check(num_replicas=2)
    check(seed=2**31 - 1, length=1, features={})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"length": 17}, "windows of 17 tokens .* max_length 16"),
        ({"num_replicas": 3}, "batch_size 4 .* 3 replicas"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**31}, "seed 2147483648"),
        ({"features": {"voice": 4}}, "'voice' with 4 values; tokenizer chorale"),
        ({"features": {"pedal": 2}}, "'pedal' with 2 values; tokenizer chorale"),
    ],
)
def test_settings_that_do_not_fit_are_named(changes, message):
    with pytest.raises(UserError, match=message):
        check(**changes)


def test_what_a_mixer_reads_must_be_the_tokenizers():
    class Model:
        feature_names = ("voice",)

    checks.check_features(Model(), TOKENIZER)
    Model.feature_names = ("pedal", "voice")
    with pytest.raises(UserError, match="read the feature 'pedal'; tokenizer chorale"):
        checks.check_features(Model(), TOKENIZER)


@pytest.fixture
def model_dir(tmp_path):
    run.write_settings(str(tmp_path), MODEL, TRAIN, TOKENIZER)
    return str(tmp_path)


def test_a_run_may_go_on_with_its_settings_for_longer(model_dir):
    longer = dataclasses.replace(TRAIN, steps=9, evaluate_every=2, checkpoint_every=3)
    for train in (TRAIN, longer):
        checks.check_resumable(model_dir, MODEL, train, TOKENIZER)


def test_a_folder_without_a_run_may_hold_anything(tmp_path):
    checks.check_resumable(str(tmp_path), MODEL, TRAIN, TOKENIZER)
    checks.check_resumable(str(tmp_path / "none"), MODEL, TRAIN, TOKENIZER)


@pytest.mark.parametrize(
    "model, train, message",
    [
        ({"hidden_dim": 12}, {}, "hidden_dim=8, not 12"),
        ({"features": {"voice": 5}}, {}, "features={'beat': 17}, not {'voice': 5}"),
        ({}, {"learning_rate": 0.1}, "learning_rate=0.01, not 0.1"),
        ({}, {"seed": 1}, "seed=0, not 1"),
        ({}, {"teacher": "out/run"}, "teacher='', not 'out/run'"),
    ],
)
def test_another_runs_folder_is_refused_naming_both(model_dir, model, train, message):
    with pytest.raises(UserError, match=message) as error:
        checks.check_resumable(
            model_dir,
            dataclasses.replace(MODEL, **model),
            dataclasses.replace(TRAIN, **train),
            TOKENIZER,
        )
    assert model_dir in str(error.value)


def test_another_tokenizers_folder_is_refused_naming_both(model_dir):
    other = ChoraleTokenizer(max_pitch=82)
    with pytest.raises(UserError) as error:
        checks.check_resumable(model_dir, MODEL, TRAIN, other)
    assert all(text in str(error.value) for text in (TOKENIZER.hash, other.hash))
    assert model_dir in str(error.value)


def test_numbers_that_are_finite_pass():
    checks.check_finite(3, 4.5, float, 1e30)
    checks.check_finite(3, 4.5, float)


@pytest.mark.parametrize("values", [("nan", 1.0), ("inf", 1.0), (1.0, "nan")])
def test_numbers_that_are_not_are_an_error_that_helps(values):
    nats, norm = map(float, values)
    with pytest.raises(UserError, match="not finite at step 3 .*learning_rate="):
        checks.check_finite(3, nats, float, norm)


def test_an_infillers_windows_have_one_length():
    def check(length):
        config = dataclasses.replace(TRAIN, length=length)
        checks.check_settings(INFILLER, config, TOKENIZER, 1)

    check(16)
    with pytest.raises(UserError, match="length is 8, max_length 16: --set both"):
        check(8)


def test_weights_that_are_not_finite_are_named():
    model = make_model(MODEL)
    checks.check_weights(3, model)
    model.trainable_variables[-1].assign(model.trainable_variables[-1] * np.inf)
    path = model.trainable_variables[-1].path
    with pytest.raises(UserError, match=f"not finite at step 3 .{path}."):
        checks.check_weights(3, model)
