"""The command that makes a run into a model that tfmusic comes with, end to end."""

import dataclasses
import json
import os

import keras
import numpy as np
import pytest

from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN, write_jsb
from tfmusic import pretrained
from tfmusic.datasets import selection
from tfmusic.models import make_model
from tfmusic.tokenizers import MelodyTokenizer
from tfmusic.training import run

ARGUMENTS = (
    *("ship", "--model_dir=run", "--data_dir=data", "--input=jsb.json", "--hours=2.25"),
    *(
        "--training=python -m tfmusic.train --first",
        "--training=python -m tfmusic.train",
    ),
    *("--unseen_in=jsb_chorales", "--name=tiny", "--noxla", "--keys=2"),
)


def write_run(folder, config=MODEL, tokenizer=TOKENIZER):
    run.write_settings(folder, config, TRAIN, tokenizer)
    run.save_best(make_model(config), folder, {"step": 12, "nats_per_token": 3.5})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Holds run/ and jsb.json; the package's models are in weights/."""
    write_run(str(tmp_path / "run"))
    write_jsb(tmp_path / "jsb.json")
    monkeypatch.setattr(pretrained, "FOLDER", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_becomes_a_model_with_a_card(folder, command):
    code, printed, errors = command(*ARGUMENTS)
    assert (code, pretrained.names()) == (0, ["tiny"]), errors
    shipped = pretrained.from_pretrained("tiny")
    report = pretrained.read_report("tiny")
    assert shipped.best == {"step": 12, **report["validation"]}
    assert report["validation"]["num_tokens"] == 4 * (9 + 4)  # see write_jsb
    assert report["test"]["num_tokens"] == 4 * 5
    assert report["hours"] == 2.25 and report["validation_float32"] == 3.5
    assert report["sample"]["num_tokens"] == 4 * 5
    assert len(report["unseen"]["jsb_chorales"]["validation"]["pieces"]) == 2
    in_keys = report["in_keys"]["test"]["nats_per_token"]
    card = (folder / "weights" / "tiny" / "MODEL_CARD.md").read_text()
    words = " ".join(card.split())
    for text in (
        f"**{report['validation']['nats_per_token']:.4f}**",
        f"| test | 2 keys | 1 | 20 | **{in_keys:.4f}** |",
        "in 2 keys, by 0, -1, 1, -2",
        f"divided by a temperature of {report['temperature']:g}, at which",
        "2.25 hours on 2 CPU cores",
        "in one pass). Its logits were then divided",
        "tfmusic.train --first python -m tfmusic.train ```",
        "its encoder states no license",
        "--model_dir=tiny",
    ):
        assert text in words, text
    assert "MiB" in printed

    # As a command's --model_dir it gives the score of its card.
    code, printed, _ = command(
        *("evaluate", "--model_dir=tiny", "--data_dir=data", "--unseen_by=tiny")
    )
    scores = json.loads(printed)
    assert (code, scores["unseen_by"]) == (0, "tiny")
    expected = report["unseen"]["jsb_chorales"]["validation"]["nats_per_token"]
    assert scores["nats_per_token"] == pytest.approx(expected, rel=1e-6)
    code, _, errors = command(
        *("evaluate", "--model_dir=tiny", "--data_dir=data", "--unseen_by=tiny"),
        "--split=train",
    )
    assert (code, errors.count("\n")) == (2, 2)  # the first says which model it is
    assert "no piece of jsb_chorales train is known to be new to tiny" in errors


def test_the_mean_with_another_run(folder, command, monkeypatch):
    def in_validation(pieces, *_):  # which has two, and is all that is new
        return pieces if len(pieces) == 2 else pieces.take([])

    monkeypatch.setattr(selection, "without_kin", in_validation)
    keras.utils.set_random_seed(7)
    write_run("other")
    code, _, errors = command(
        *(*ARGUMENTS, "--mean_with=other", "--mean_weight=0.25", "--nocalibrate")
    )
    assert code == 0, errors
    weights = [
        run.load_run(name).model.trainable_variables for name in ("run", "other")
    ]
    mean = pretrained.from_pretrained("tiny").model.trainable_variables
    for ours, one, two in zip(mean, *weights, strict=True):
        expected = 0.75 * one.numpy() + 0.25 * two.numpy()
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)
    card = (folder / "weights" / "tiny" / "MODEL_CARD.md").read_text()
    assert "(0.75) and an earlier training's weights (0.25)" in " ".join(card.split())
    report = pretrained.read_report("tiny")
    assert [*report["unseen"]["jsb_chorales"]] == ["validation"]
    assert report["sample"]["num_tokens"] == 4 * 4


def assert_one_line(result, message):
    code, _, errors = result
    assert code == 2 and errors.count("\n") == 1, errors
    assert errors.startswith("tfmusic: ") and message in errors
    assert not os.path.exists("weights/tiny")


def test_what_can_not_be_shipped_is_one_line(folder, command, monkeypatch):
    write_run("infiller", INFILLER)
    assert_one_line(command(*ARGUMENTS, "--model_dir=infiller"), "holds an infiller")
    write_run("melodies", tokenizer=MelodyTokenizer())
    result = command(*ARGUMENTS, "--model_dir=melodies")
    assert_one_line(result, "melodies")
    write_run("larger", dataclasses.replace(MODEL, hidden_dim=16))
    result = command(*ARGUMENTS, "--mean_with=larger")
    assert_one_line(result, "--mean_with is a run of another model")
    assert_one_line(command(*ARGUMENTS, "--model_dir=none"), "none is not a run's")
    assert_one_line(command(*ARGUMENTS, "--hours=-1"), "--hours=-1")
    assert_one_line(command(*ARGUMENTS[:4]), "--training is needed")
    assert pretrained.MAX_BYTES == 5 * 2**20
