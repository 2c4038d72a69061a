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
from tfmusic.music import write_midi
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
    lines = result.stderr.splitlines()
    noise = [line for line in lines if " batches scored" not in line]  # if it is slow
    assert (result.returncode, noise) == (0, [])
    assert (folder / "out" / "scores.json").read_text() == result.stdout
    pieces = load_pieces("jsb_chorales", "validation", TOKENIZER, str(folder / "data"))
    model = run.load_run(str(folder / "run")).model
    scores = Evaluator(model, TOKENIZER, pieces, stride=5)()
    assert scores["num_tokens"] == 4 * (9 + 4)  # see write_jsb
    assert sum(scores["tokens_by"].values()) == scores["num_tokens"]
    assert json.loads(result.stdout) == {
        **{name: pytest.approx(value, rel=1e-5) for name, value in scores.items()},
        "dataset": "jsb_chorales",
        "split": "validation",
        "unseen_by": None,
        "max_length": 16,
        "stride": 5,
        "keys": 1,
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


def test_several_keys(in_folder, command):
    arguments = ("evaluate", "--model_dir=run", "--data_dir=data")
    _, one, _ = command(*arguments)
    code, printed, errors = command(*arguments, "--keys=3")
    assert code == 0, errors
    report, single = json.loads(printed), json.loads(one)
    assert (report["keys"], report["num_tokens"]) == (3, single["num_tokens"])
    pieces = load_pieces("jsb_chorales", "validation", TOKENIZER, "data")
    model = run.load_run("run").model
    expected = Evaluator(model, TOKENIZER, pieces, keys=3)()["nats_per_token"]
    assert report["nats_per_token"] == pytest.approx(expected, rel=1e-5)
    assert report["nats_per_token"] != single["nats_per_token"]


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
        (["--keys=13"], "--keys=13"),
        (["--orders=2"], "--orders says nothing about run, which is of kind decoder"),
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


MUSIC = ("evaluate", "--music", "--data_dir=data", "--num_pieces=3", "--tokens=24")


def test_music_of_a_run_beside_real_music(in_folder, command):
    code, printed, errors = command(
        *(*MUSIC, "--model_dir=run", "--seed=3", "--temperature=0.8", "--top_p=0.9"),
        *("--output=music", "--pictures=pictures"),
    )
    assert code == 0, errors
    assert "generating 3 pieces of 24 tokens\n" in errors
    assert printed.startswith("3 generated pieces beside 2 of jsb_chorales validation")
    assert "longest run also in the training set" in printed
    report = json.loads((in_folder / "music" / "statistics.json").read_text())
    assert report["source"] == {
        "model_dir": "run",
        "num_pieces": 3,
        "tokens": 24,
        "seed": 3,
        "temperature": 0.8,
        "top_p": 0.9,
        "tokenizer": {"name": "chorale", "hash": TOKENIZER.hash},
    }
    assert 0 <= report["features"]["pitch_classes"]["overlap_area"] <= 1
    for piece in report["copies"]["tokens"]["pieces"]:
        assert 0 <= piece["length"] <= 24
    names = {"statistics.json", *(f"generated-{number}.mid" for number in (1, 2, 3))}
    assert set(os.listdir("music")) == names
    assert {"overview.png", "pitch_classes.png"} <= set(os.listdir("pictures"))


def test_a_folder_of_music_needs_no_model(in_folder, command, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "tfmusic.statistics.pictures.draw_pictures",
        lambda comparisons, folder: drawn.append((len(comparisons), folder)),
    )
    (in_folder / "midi").mkdir()
    pieces = load_pieces("jsb_chorales", "train", TOKENIZER, "data")
    for index in range(len(pieces)):
        sequence = TOKENIZER.decode(pieces.piece(index))[0]
        write_midi(sequence, in_folder / "midi" / f"{index}.mid")
    code, printed, _ = command(
        *("evaluate", "--music", "--generated=midi", "--dataset=jsb_chorales"),
        *("--data_dir=data", "--output=statistics"),
    )
    assert code == 0
    assert "notes: 1.mid has " in printed
    report = json.loads((in_folder / "statistics" / "statistics.json").read_text())
    assert report["source"] == {"folder": "midi"}
    assert drawn == [(len(report["features"]), "statistics")]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "--model_dir or --generated is needed"),
        (["--model_dir=run", "--stride=4"], "--stride is used without --music only"),
        (["--model_dir=none"], "none is not a run's folder"),
        (["--model_dir=run", "--top_p=2"], "--top_p"),
        (["--model_dir=run", "--split=test"], "jsb_chorales has 1 pieces in test"),
        (["--model_dir=run", "--output=file"], "cannot write file"),
        (["--model_dir=run", "--pictures=file"], "cannot write file"),
        (["--model_dir=none.tflite", "--dataset=jsb_chorales"], "none.tflite"),
        (["--generated=data"], "--generated needs --dataset"),
        (["--generated=data", "--model_dir=run"], "not both"),
        (["--generated=data", "--dataset=jsb_chorales"], "data holds no .mid"),
        (["--generated=none", "--dataset=jsb_chorales"], "none is not a folder"),
    ],
)
def test_wrong_input_about_music_is_one_line(in_folder, command, arguments, message):
    before = sorted(in_folder.rglob("*"))
    result = command("evaluate", "--music", "--data_dir=data", *arguments)
    code, printed, errors = result
    # Lines of progress may come before.
    assert_one_line((code, printed, errors.splitlines(True)[-1]), message)
    assert sorted(in_folder.rglob("*")) == before


def test_flags_about_music_are_for_music(in_folder, command):
    result = command("evaluate", "--model_dir=run", "--data_dir=data", "--seed=1")
    assert_one_line(result, "--seed is used with --music only")
