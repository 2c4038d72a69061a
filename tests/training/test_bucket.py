"""A run in TensorFlow's own file system in memory, which is reached as a bucket is."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic import files
from tfmusic.errors import UserError
from tfmusic.training import run, trainer
from tfmusic.training.strategy import get_strategy

PIECES = {
    "train": make_pieces(40, 80, 20),
    "validation": make_pieces(20, 36, seed=1),
}


def train(model_dir, **changes):
    options = {"evaluate_every": 2, "checkpoint_every": 2, "log_every": 1, **changes}
    config = dataclasses.replace(TRAIN, **options)
    strategy = get_strategy("one_device")
    return trainer.train(MODEL, config, TOKENIZER, PIECES, model_dir, strategy)


def losses(model_dir):
    return [
        line.partition('"learning_rate"')[0]
        for line in files.read_text(f"{model_dir}/{run.METRICS}").splitlines()
        if '"train"' in line
    ]


def test_a_run_in_a_bucket_goes_on_and_is_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    bucket, local = "ram://bucket/runs/one", str(tmp_path / "run")
    train(local)
    train(bucket, steps=2)
    assert "can't be locked" in capsys.readouterr().out
    best = train(bucket)
    assert ", from step 2" in capsys.readouterr().out
    assert losses(bucket) == losses(local) and len(losses(bucket)) == 4
    assert run.read_best(bucket)["step"] == best["step"]
    assert sorted(tf.io.gfile.listdir(f"{bucket}/checkpoints")) == sorted(
        os.listdir(f"{local}/checkpoints")
    )
    assert tf.io.gfile.glob(f"{bucket}/logs/events*")
    weights = [run.load_run(where).model.get_weights() for where in (bucket, local)]
    for array, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(array, other)
    assert os.listdir(tmp_path) == ["run"]  # and no folder "ram:"

    train("ram://bucket/runs/two", steps=2, init_from=bucket)
    with pytest.raises(UserError, match="no weights there"):
        train("ram://bucket/runs/three", init_from="ram://bucket/none")
    with pytest.raises(UserError, match="batch_size=4, not 2"):
        train(bucket, batch_size=2)


def test_what_is_not_in_a_bucket():
    assert not run.is_run("ram://nothing") and run.read_best("ram://nothing") is None
    with pytest.raises(UserError, match="ram://nothing is not a run's folder"):
        run.load_run("ram://nothing")


def test_an_unknown_kind_of_bucket_is_one_line():
    with pytest.raises(UserError, match="cannot use other://bucket/run") as error:
        files.check_writable("other://bucket/run")
    assert "\n" not in str(error.value)


def test_a_folder_of_files_is_not_written_to_a_bucket():
    with (
        pytest.raises(UserError, match="of this machine"),
        files.atomic_folder("ram://bucket/model"),
    ):
        pass
