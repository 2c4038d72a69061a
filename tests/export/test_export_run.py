import json
import os

import numpy as np
import pytest

from tests.tiny import TRAIN
from tfmusic.errors import UserError
from tfmusic.export import runtime, verify
from tfmusic.export.export_run import export_run
from tfmusic.export.held_out import Music
from tfmusic.training.run import Run


@pytest.fixture
def run(small, tokenizer):
    return Run(small, tokenizer, small.config, TRAIN, {"step": 7})


def test_one_format_and_its_report(run, tokenizer, tmp_path, capsys):
    music = Music((np.arange(10, 20),), (np.arange(10, 30),), "of nobody")
    export_run(run, str(tmp_path / "new"), ["tflite"], "dynamic_int8", music)
    assert sorted(os.listdir(tmp_path / "new")) == ["model.tflite", "report.json"]
    report = json.loads((tmp_path / "new" / "report.json").read_text())
    assert report["tokenizer_hash"] == tokenizer.hash
    assert report["best"]["step"] == 7
    assert report["tflite"]["quantization"] == "dynamic_int8"
    size = (tmp_path / "new" / "model.tflite").stat().st_size
    assert report["tflite"]["bytes"] == size
    assert 0 < report["tflite"]["held_out"]["mean_kl"] < 1e-3
    assert report["data_license"] == "of nobody"
    assert report["held_out_tokens"] == 10
    about = runtime.load(tmp_path / "new" / "model.tflite").about
    assert about["data_license"] == "of nobody"
    printed = capsys.readouterr().out
    assert f"{size / 1e6:.2f} MB" in printed and "on held-out music: mean KL" in printed


def test_one_failed_verification_and_nothing_is_written(run, tmp_path, monkeypatch):
    (tmp_path / "model.tflite").write_text("what was there")

    def fail(*args):
        raise verify.VerificationError("not the model")

    monkeypatch.setattr(verify, "verify_tflite", fail)
    with pytest.raises(verify.VerificationError):
        export_run(run, str(tmp_path), ["saved_model", "tflite"], "none", Music())
    assert os.listdir(tmp_path) == ["model.tflite"]
    assert (tmp_path / "model.tflite").read_text() == "what was there"


def test_a_place_that_is_taken_is_left_alone(run, tmp_path):
    taken = tmp_path / "saved_model"
    taken.mkdir()
    (taken / "precious.txt").write_text("notes")
    with pytest.raises(UserError, match="no SavedModel"):
        export_run(run, str(tmp_path), ["saved_model"], "none", Music())
    with pytest.raises(UserError, match="cannot write"):
        export_run(run, str(taken / "precious.txt"), ["tflite"], "none", Music())
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model"]
    assert [path.name for path in taken.iterdir()] == ["precious.txt"]
