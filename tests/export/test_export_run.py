import json
import os

import pytest

from tests.tiny import TRAIN
from tfmusic.errors import UserError
from tfmusic.export import verify
from tfmusic.export.export_run import export_run
from tfmusic.training.run import Run


@pytest.fixture
def run(small, tokenizer):
    return Run(small, tokenizer, small.config, TRAIN, {"step": 7})


def test_one_format_and_its_report(run, tokenizer, tmp_path, capsys):
    export_run(run, str(tmp_path / "new"), ["tflite"], "dynamic_int8")
    assert sorted(os.listdir(tmp_path / "new")) == ["model.tflite", "report.json"]
    report = json.loads((tmp_path / "new" / "report.json").read_text())
    assert report["tokenizer_hash"] == tokenizer.hash
    assert report["best"]["step"] == 7
    assert report["tflite"]["quantization"] == "dynamic_int8"
    size = (tmp_path / "new" / "model.tflite").stat().st_size
    assert report["tflite"]["bytes"] == size
    assert 0 < report["tflite"]["generated"]["mean_kl"] < verify.MAX_MEAN_KL
    assert f"{size / 1e6:.2f} MB" in capsys.readouterr().out


def test_one_failed_verification_and_nothing_is_written(run, tmp_path, monkeypatch):
    (tmp_path / "model.tflite").write_text("what was there")

    def fail(*args):
        raise verify.VerificationError("not the model")

    monkeypatch.setattr(verify, "verify_tflite", fail)
    with pytest.raises(verify.VerificationError):
        export_run(run, str(tmp_path), ["saved_model", "tflite"], "none")
    assert os.listdir(tmp_path) == ["model.tflite"]
    assert (tmp_path / "model.tflite").read_text() == "what was there"


def test_a_place_that_is_taken_is_left_alone(run, tmp_path):
    taken = tmp_path / "saved_model"
    taken.mkdir()
    (taken / "precious.txt").write_text("notes")
    with pytest.raises(UserError, match="no SavedModel"):
        export_run(run, str(tmp_path), ["saved_model"], "none")
    with pytest.raises(UserError, match="cannot write"):
        export_run(run, str(taken / "precious.txt"), ["tflite"], "none")
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model"]
    assert [path.name for path in taken.iterdir()] == ["precious.txt"]
