"""What is read back of a run's metrics and of TensorBoard's files."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.training.log import TrainingLog


def events(folder):
    return [
        tf.compat.v1.Event.FromString(record)
        for path in sorted((folder / "logs").iterdir())
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]


def lines(folder):
    return [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]


def test_what_comes_again_is_there_once(tmp_path):
    with TrainingLog(str(tmp_path)) as log:
        for step in range(1, 5):
            log.write(step, "train", {"nats_per_token": step / 3})
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 2, "on": "tr')  # a process was killed
    with TrainingLog(str(tmp_path), first_step=2) as log:
        assert log.lines == lines(tmp_path)
        assert [line["step"] for line in log.lines] == [1, 2]
        log.write(3, "train", {"nats_per_token": 1.0})
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3]
    starts = [e.step for e in events(tmp_path) if e.HasField("session_log")]
    assert starts == [1, 3]


def test_numbers_within_numbers(tmp_path):
    scores = {"nats_per_token": 0.5, "nats_by": {"soprano": 0.25}}
    with TrainingLog(str(tmp_path)) as log:
        log.write(7, "validation", scores)
    assert lines(tmp_path) == [{"step": 7, "on": "validation", **scores}]
    values = events(tmp_path)[-1].summary.value
    assert {v.tag: float(tf.make_ndarray(v.tensor)) for v in values} == {
        "validation/nats_per_token": 0.5,
        "validation/nats_by/soprano": 0.25,
    }


def test_images_are_as_tensorboard_reads_them(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 3), np.uint8)
    with TrainingLog(str(tmp_path)) as log:
        log.write_images(7, "samples", images)
    event = events(tmp_path)[-1]
    (value,) = event.summary.value
    assert (event.step, value.tag) == (7, "samples")
    assert value.metadata.plugin_data.plugin_name == "images"
    width, height, *pictures = tf.make_ndarray(value.tensor).tolist()
    assert (width, height) == (b"5", b"3")
    decoded = np.stack([tf.io.decode_png(picture) for picture in pictures])
    np.testing.assert_array_equal(decoded, images)


def test_an_interruption_is_handed_on(tmp_path):
    steps = [[0.1, 2.0, 1 / 3], [0.3, 1.0, float("inf")]]
    with TrainingLog(str(tmp_path)) as log:
        assert log.interrupted_steps == []
        log.write_interruption(7, steps)
    # As often as the run goes on from there, and not from elsewhere.
    for _ in range(2):
        assert TrainingLog(str(tmp_path), 7).interrupted_steps == steps
    assert TrainingLog(str(tmp_path), 8).interrupted_steps == []
    assert TrainingLog(str(tmp_path), 6).interrupted_steps == []
    assert not lines(tmp_path)


def test_a_worker_that_is_not_the_chief_writes_nothing(tmp_path):
    with TrainingLog(str(tmp_path), enabled=False) as log:
        log.write(1, "train", {"nats_per_token": 1.0})
        log.write_images(1, "samples", np.zeros([1, 2, 2, 3], np.uint8))
        log.write_interruption(1, [])
    assert not list(tmp_path.iterdir())


def test_a_lost_folder_is_a_line(tmp_path):
    with TrainingLog(str(tmp_path / "run")) as log:
        log.write(1, "train", {"nats_per_token": 1.0})
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(UserError, match="cannot write .*No such file") as error:
            log.write(2, "train", {"nats_per_token": 1.0})
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())
