import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tests import tiny
from tfmusic.export import runtime, tflite
from tfmusic.training import run

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tfmusic.export"]


@pytest.fixture(scope="module")
def model_dir(small, tokenizer, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("runs") / "run")
    run.write_settings(folder, small.config, tiny.TRAIN, tokenizer)
    run.save_best(small, folder, {"step": 7, "nats_per_token": 4.0})
    return folder


def call(*arguments, command=COMMAND):
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT
    )


def test_a_run_becomes_deployable_files(model_dir, small, tokenizer, tmp_path):
    output = tmp_path / "new" / "export"
    result = call(
        f"--model_dir={model_dir}",
        f"--output_dir={output}",
        "--quantization=none",
        f"--input={tiny.write_jsb(tmp_path / 'jsb.json')}",
        f"--data_dir={tmp_path / 'data'}",
    )
    assert result.returncode == 0, result.stderr
    assert sorted(os.listdir(output)) == ["model.tflite", "report.json", "saved_model"]
    report = json.loads((output / "report.json").read_text())
    assert report["tokenizer_hash"] == tokenizer.hash
    assert report["best"]["step"] == 7
    assert report["tflite"]["bytes"] == (output / "model.tflite").stat().st_size
    assert report["tflite"]["quantization"] == "none"
    for name in ("saved_model", "tflite"):
        for kind in ("random", "generated", "held_out"):
            assert report[name][kind]["max_difference"] <= 5e-5
            assert report[name][kind]["top1_agreement"] > 0.99
    assert "MB" in result.stdout and "mean KL" in result.stdout
    music = runtime.load(output / "model.tflite")
    assert len(music.generate([[20, 21]], 4)[0]) == 6
    loaded = tf.saved_model.load(str(output / "saved_model"))
    assert set(loaded.signatures) == {"serving_default", "score", "generate"}


def test_a_failed_verification_is_loud_and_writes_nothing(model_dir, tmp_path):
    code = (
        "import runpy; from tfmusic.export import verify; verify.MAX_DIFFERENCE = -1.0;"
        "runpy.run_module('tfmusic.export', run_name='__main__')"
    )
    result = call(
        f"--model_dir={model_dir}",
        f"--output_dir={tmp_path}",
        "--quantization=none",
        "--formats=tflite",
        "--noheld_out",
        command=[sys.executable, "-c", code],
    )
    assert result.returncode == 1
    assert "FAILED: model.tflite is not the model" in result.stderr
    assert not os.listdir(tmp_path)


def test_wrong_input_is_one_line(model_dir, tmp_path):
    here, there = f"--model_dir={model_dir}", f"--output_dir={tmp_path / 'out'}"
    for arguments, reason in (
        ([], "--model_dir"),
        ([here], "--output_dir"),
        ([here, there, "--formats=onnx"], "saved_model,tflite"),
        ([here, there, "--formats="], "saved_model,tflite"),
        ([here, there, "--quantization=int3"], "dynamic_int8"),
        ([here, there, "--chunk=0"], "--chunk"),
        ([here, there, f"--data_dir={tmp_path / 'data'}"], "--noheld_out"),
        ([f"--model_dir={tmp_path}", there], "not a run's folder"),
    ):
        result = call(*arguments)
        assert result.returncode == 2, result.stderr
        assert reason in result.stderr
        assert result.stderr.count("\n") == 1, result.stderr
    assert not (tmp_path / "out").exists()


def test_the_flag_names_every_quantization():
    result = call("--help")
    assert f"<{'|'.join(tflite.QUANTIZATIONS)}>" in result.stdout
