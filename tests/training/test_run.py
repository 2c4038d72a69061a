import dataclasses
import json
import resource

import numpy as np
import pytest

from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN
from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.models import ChoraleInfiller, MusicDecoder, make_model
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.training import run


@pytest.fixture
def folder(tmp_path):
    """A run's, whose weights are those of no initializer."""
    folder = tmp_path / "run"
    model = MusicDecoder(**dataclasses.asdict(MODEL))
    for variable in model.trainable_variables:
        variable.assign(np.arange(np.prod(variable.shape)).reshape(variable.shape))
    run.write_settings(str(folder), MODEL, TRAIN, TOKENIZER)
    run.save_best(model, str(folder), {"step": 7, "nats_per_token": 1.5})
    return folder


def test_what_is_written_is_read(folder):
    loaded = run.load_run(str(folder))
    assert (loaded.model_config, loaded.train_config) == (MODEL, TRAIN)
    assert loaded.tokenizer.hash == TOKENIZER.hash
    assert loaded.best == {"step": 7, "nats_per_token": 1.5}
    for variable in loaded.model.trainable_variables:
        np.testing.assert_array_equal(
            np.ravel(variable.numpy()), np.arange(np.prod(variable.shape))
        )
    assert sorted(path.name for path in folder.rglob("*")) == sorted(
        ["best", "best.weights.h5", "best.json", "config.json", "tokenizer.json"]
    )


def test_settings_of_every_kind_round_trip(tmp_path):
    model = ModelConfig(50, 2, 2, 8, 16, 32, key_dim=3, mixer=("causal", "causal"))
    run.write_settings(str(tmp_path), model, TRAIN, TOKENIZER)
    assert run.read_settings(str(tmp_path))[:2] == (model, TRAIN)


def test_is_run(folder):
    assert run.is_run(str(folder))
    assert not run.is_run(str(folder / "best"))
    assert not run.is_run(str(folder / "none"))
    assert run.read_best(str(folder / "none")) is None


@pytest.mark.parametrize("name", ["none", "", "file/below"])
def test_a_folder_that_is_no_run(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"not a run's folder \(config.json"):
        run.load_run(str(tmp_path / name))


def test_a_run_without_its_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="tokenizer.json is missing"):
        run.load_run(str(folder))


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"model": 3, "train": {}}'])
def test_damaged_settings(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match="config.json is damaged"):
        run.load_run(str(folder))


def test_settings_of_another_version(folder):
    settings = json.loads((folder / "config.json").read_text())
    settings["model"]["no_such_setting"] = 3
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match="run of another version: .*no_such_setting"):
        run.load_run(str(folder))


@pytest.mark.parametrize("name", ["best.json", "best.weights.h5"])
def test_a_run_without_weights(folder, name):
    (folder / "best" / name).unlink()
    with pytest.raises(UserError, match="no evaluated weights yet"):
        run.load_run(str(folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 2},
        {"hidden_dim": 16},
        {"max_length": 32},
        {"features": {"voice": 5}},
        {"features": {}},
        {"mixer": "causal"},
        {"positions": "learned"},
        {"attention_bias": True},
    ],
)
def test_weights_of_another_model(folder, changes):
    other = dataclasses.replace(MODEL, **changes)
    run.write_settings(str(folder), other, TRAIN, TOKENIZER)
    with pytest.raises(UserError, match="best.weights.h5 does not fit") as error:
        run.load_run(str(folder))
    assert "\n" not in str(error.value)


def test_weights_of_a_deeper_model(folder):
    deeper = MusicDecoder(
        **dataclasses.asdict(dataclasses.replace(MODEL, num_layers=2))
    )
    run.save_best(deeper, str(folder), {"step": 8})
    with pytest.raises(UserError, match="best.weights.h5 does not fit.*block_1"):
        run.load_run(str(folder))


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_damaged_weights(folder, size):
    path = folder / "best" / "best.weights.h5"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match="best.weights.h5 does not fit"):
        run.load_run(str(folder))


def test_a_tokenizer_of_another_run(folder):
    other = ChoraleTokenizer(max_pitch=82)
    (folder / "tokenizer.json").write_text(other.to_json())
    with pytest.raises(UserError, match=f"50 ids .*{other.hash}.* has 51"):
        run.load_run(str(folder))


def test_a_tokenizer_of_another_version(folder):
    text = TOKENIZER.to_json().replace('"beat": 17', '"beat": 18')
    (folder / "tokenizer.json").write_text(text)
    with pytest.raises(UserError, match="run of another version: .*tokenizer"):
        run.load_run(str(folder))


def test_a_full_disk_keeps_the_best_weights(folder):
    before = {path: path.read_bytes() for path in (folder / "best").iterdir()}
    model = MusicDecoder(**dataclasses.asdict(MODEL))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(UserError, match="cannot write .*File too large"):
            run.save_best(model, str(folder), {"step": 9})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    after = {path: path.read_bytes() for path in (folder / "best").iterdir()}
    assert after == before


@pytest.mark.parametrize("name", ["", run.BEST_WEIGHTS])
def test_weights_to_begin_with(folder, name):
    model = make_model(MODEL)
    run.load_initial_weights(model, str(folder / name))
    for array, other in zip(
        model.get_weights(), run.load_run(str(folder)).model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(array, other)


def test_what_a_killed_training_left_is_removed(folder):
    before = sorted(folder.rglob("*"))
    for path in ".config.json.x7_z", "best/.best.weights.h5.abc1", "best/.best.json.q":
        (folder / path).mkdir()
        (folder / path / "half").touch()
    (folder / ".mine").mkdir()
    run.remove_leftovers(str(folder))
    assert sorted(folder.rglob("*")) == sorted([*before, folder / ".mine"])
    run.remove_leftovers(str(folder / "none"))


def test_an_infillers_run(tmp_path, folder):
    infiller = str(tmp_path / "infiller")
    run.write_settings(infiller, INFILLER, TRAIN, TOKENIZER)
    run.save_best(make_model(INFILLER), infiller, {"step": 1})
    for kind in (None, "infiller"):
        assert isinstance(run.load_run(infiller, kind).model, ChoraleInfiller)
    with pytest.raises(UserError, match="infiller holds an infiller, which fills gaps"):
        run.load_run(infiller, kind="decoder")
    with pytest.raises(UserError, match="run holds a decoder, which continues music"):
        run.load_run(str(folder), kind="infiller")


def test_a_run_of_before_there_were_kinds_is_a_decoders(folder):
    settings = json.loads((folder / "config.json").read_text())
    del settings["model"]["kind"]
    (folder / "config.json").write_text(json.dumps(settings))
    assert run.load_run(str(folder), kind="decoder").model_config == MODEL
