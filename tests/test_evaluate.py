"""The command, end to end, on models that were never trained."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import MODEL, TOKENIZER, TRAIN, write_jsb
from tfmusic.datasets.pieces import load_pieces
from tfmusic.models import MusicDecoder
from tfmusic.training import run
from tfmusic.training.evaluation import Evaluator

CHECKOUT = Path(__file__).parents[1]
JSB = CHECKOUT.parent / "shared" / "data" / "jsb.zip"


def make_run(folder, **changes):
    """Writes a run's folder with random weights; returns the model."""
    config = dataclasses.replace(MODEL, **changes)
    model = MusicDecoder(**dataclasses.asdict(config))
    run.write_settings(str(folder), config, TRAIN, TOKENIZER)
    run.save_best(model, str(folder), {"step": 12})
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds run/, file and the prepared data/."""
    folder = tmp_path_factory.mktemp("evaluate")
    make_run(folder / "run")
    (folder / "file").touch()
    path = write_jsb(folder / "jsb.json")
    load_pieces("jsb_chorales", "test", TOKENIZER, str(folder / "data"), str(path))
    return folder


@pytest.fixture
def in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def test_a_process_prints_json_and_nothing_else(folder):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    del environment["TF_CPP_MIN_LOG_LEVEL"]
    result = subprocess.run(
        [sys.executable, "-m", "tfmusic.evaluate", "--model_dir=run", "--stride=5"]
        + ["--data_dir=data", "--batch_size=3", "--output=out/scores.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert (folder / "out" / "scores.json").read_text() == result.stdout
    pieces = load_pieces("jsb_chorales", "validation", TOKENIZER, str(folder / "data"))
    model = run.load_run(str(folder / "run")).model
    scores = Evaluator(model, TOKENIZER, pieces, stride=5)()
    assert scores["num_tokens"] == 4 * (9 + 4)  # see write_jsb
    assert json.loads(result.stdout) == {
        **{name: pytest.approx(value, rel=1e-5) for name, value in scores.items()},
        "dataset": "jsb_chorales",
        "split": "validation",
        "max_length": 16,
        "stride": 5,
        "tokenizer": {"name": "chorale", "hash": TOKENIZER.hash},
        "model_dir": "run",
        "step": 12,
    }


def test_another_split_and_data_set(in_folder, command):
    code, printed, errors = command(
        *("evaluate", "--model_dir=run", "--split=test", "--data_dir=data"),
        "--dataset=jsb_chorales",
    )
    assert (code, errors) == (0, "")
    report = json.loads(printed)
    assert (report["split"], report["num_tokens"], report["num_pieces"]) == (
        *("test", 4 * 5, 1),
    )
    assert report["stride"] == 4


def assert_one_line(result, message):
    code, printed, errors = result
    assert (code, printed) == (2, "")
    assert errors.startswith("tfmusic: ") and errors.count("\n") == 1, errors
    assert message in errors


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--split=valid"], "--split=valid: value should be one of"),
        (["--batch_size=0"], "--batch_size=0"),
        (["--stride=0"], "--stride=0"),
        (["--model_dir=none"], "none is not a run's folder"),
        (["--model_dir=data"], "data is not a run's folder"),
        (["--model_dir=file"], "file is not a run's folder"),
        (["--dataset=none"], "no data set is named 'none'"),
        (["--data_dir=empty"], "jsb_chorales has not been prepared"),
        (["--data_dir=empty", "--input=missing.zip"], "cannot read missing.zip"),
        (["--data_dir=file/data", "--input=jsb.json"], "cannot write"),
    ],
)
def test_wrong_input_is_one_line(in_folder, command, arguments, message):
    before = sorted(in_folder.rglob("*"))
    result = command("evaluate", "--model_dir=run", "--data_dir=data", *arguments)
    assert_one_line(result, message)
    assert sorted(in_folder.rglob("*")) == before


def test_no_model_is_one_line(command):
    assert_one_line(command("evaluate"), "--model_dir is needed")


@pytest.mark.parametrize("output", ["file/scores.json", "data", "/proc/scores.json"])
def test_a_place_that_cannot_be_written_is_one_line(in_folder, command, output):
    before = sorted(in_folder.rglob("*"))
    result = command(
        *("evaluate", "--model_dir=run", "--data_dir=data", f"--output={output}")
    )
    assert_one_line(result, f"cannot write {output}: ")
    assert sorted(in_folder.rglob("*")) == before


def test_weights_of_another_model_are_one_line(in_folder, command):
    make_run("other", hidden_dim=12)
    run.write_settings("other", MODEL, TRAIN, TOKENIZER)
    result = command("evaluate", "--model_dir=other", "--data_dir=data")
    assert_one_line(result, "best.weights.h5 does not fit the run's config: ")


@pytest.mark.skipif(not JSB.exists(), reason="the standard data is not at hand")
def test_the_standard_validation_split_is_counted_in_full(command, tmp_path):
    make_run(tmp_path / "run", mixer="causal", max_length=256)
    code, printed, _ = command(
        *("evaluate", f"--model_dir={tmp_path / 'run'}", f"--input={JSB}"),
        *(f"--data_dir={tmp_path / 'data'}", "--stride=256", "--batch_size=64"),
    )
    assert code == 0
    report = json.loads(printed)
    assert (report["num_tokens"], report["num_pieces"]) == (73_632, 76)
