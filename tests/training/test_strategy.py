import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import tensorflow as tf

from tests.tiny import write_jsb
from tfmusic.errors import UserError
from tfmusic.training.strategy import (
    STRATEGIES,
    WorkerLost,
    default_block_size,
    get_strategy,
    is_chief,
    losing_workers,
)


class Workers:
    """What is asked of a MultiWorkerMirroredStrategy, which needs its workers."""

    def __init__(self, cluster, task_type, task_id):
        self.cluster_resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(cluster), task_type=task_type, task_id=task_id
        )


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", Workers)
    return Workers


@pytest.mark.parametrize("name", ["auto", "one_device"])
def test_one_device(name):
    strategy = get_strategy(name)
    assert isinstance(strategy, tf.distribute.OneDeviceStrategy)
    assert strategy.num_replicas_in_sync == 1


def test_mirrored_takes_all_logical_cpus_where_there_is_no_gpu():
    strategy = get_strategy("mirrored")
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    assert strategy.num_replicas_in_sync == 2


class Devices:
    """What is asked of any strategy."""

    def __init__(self, *names):
        self.extended = self
        self.worker_devices = names


def test_long_windows_are_attended_to_in_blocks_on_cpus_alone():
    for name in ("one_device", "mirrored"):
        strategy = get_strategy(name)
        assert default_block_size(strategy, 2048) == 128
        assert default_block_size(strategy, 512) is None
    worker = "/job:worker/replica:0/task:1/device:"
    assert default_block_size(Devices(worker + "CPU:0"), 1024) == 128
    for names in ((worker + "GPU:0",), ("/cpu:0", "/gpu:0"), (worker + "TPU:0",)):
        assert default_block_size(Devices(*names), 2048) is None


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(UserError, match="'gpu'") as error:
        get_strategy("gpu")
    assert all(name in str(error.value) for name in STRATEGIES)


def test_no_tpu_is_one_line():
    with pytest.raises(UserError, match="no TPU answers as 'local'.*strategy=auto"):
        get_strategy("tpu")


def test_a_tpu_that_cannot_be_found_is_one_line(monkeypatch):
    def resolver(tpu):
        raise URLError("Name or service not known")

    monkeypatch.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", resolver)
    with pytest.raises(UserError, match="no TPU answers as 'elsewhere'"):
        get_strategy("tpu", "elsewhere")


@pytest.mark.parametrize("config", [None, "", "{", "{}", '{"cluster": {}}', "3"])
def test_several_workers_need_a_description(monkeypatch, config):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UserError, match="needs TF_CONFIG"):
        get_strategy("multi_worker")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"task": {"type": "worker", "index": 2}},
        {"task": {"type": "other", "index": 0}},
    ],
)
def test_a_worker_is_one_of_its_cluster(monkeypatch, config):
    config = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, **config}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(UserError, match="TF_CONFIG describes no worker of its cluster"):
        get_strategy("multi_worker")


def test_workers_as_they_are_described():
    # In a process of its own, as TensorFlow refuses this once a device was used.
    with socket.create_server(("localhost", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
    config = {
        "cluster": {"worker": [address]},
        "task": {"type": "worker", "index": 0},
    }
    program = (
        "from tfmusic.quiet import import_tensorflow; import_tensorflow()\n"
        "import tensorflow as tf\n"
        "from tfmusic.training.strategy import get_strategy\n"
        "strategy = get_strategy('multi_worker')\n"
        "assert isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)\n"
        "print(strategy.cluster_resolver.cluster_spec())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TF_CONFIG": json.dumps(config)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert address in result.stdout


@pytest.mark.parametrize("name", ["one_device", "mirrored"])
def test_one_process_writes(name):
    assert is_chief(get_strategy(name))


def test_of_several_workers_one_writes(workers):
    two = {"worker": ["a:1", "b:1"]}
    assert [is_chief(workers(two, "worker", index)) for index in (0, 1)] == [
        True,
        False,
    ]
    named = {"chief": ["c:1"], **two}
    assert is_chief(workers(named, "chief", 0))
    assert not is_chief(workers(named, "worker", 0))


def test_a_lost_worker_is_a_line_and_another_error_is_what_it_was(workers):
    gone = tf.errors.UnavailableError(None, None, "Collective ops is aborted")
    strategy = workers({"worker": ["a:1", "b:1"]}, "worker", 0)
    with pytest.raises(WorkerLost, match="start all workers again") as error:
        with losing_workers(strategy):
            raise gone
    assert error.value.exit_code == 69
    with (
        pytest.raises(tf.errors.UnavailableError),
        losing_workers(get_strategy("auto")),
    ):
        raise gone
    with pytest.raises(tf.errors.InvalidArgumentError), losing_workers(strategy):
        raise tf.errors.InvalidArgumentError(None, None, "a shape")


@pytest.mark.parametrize(
    "arguments, dtype",
    [
        ([], "bfloat16"),
        (["--bfloat16=false"], "float32"),
        (["--set=dtype=float32"], "float32"),
    ],
)
def test_a_tpu_computes_in_bfloat16_unless_told_otherwise(
    command, monkeypatch, tmp_path, arguments, dtype
):
    trained = []

    def train(model_config, train_config, *_):
        trained.append(train_config.dtype)
        return {"nats_per_token": 1.0, "step": 1}

    monkeypatch.setattr("tfmusic.training.strategy.get_strategy", lambda *_: None)
    monkeypatch.setattr("tfmusic.training.trainer.train", train)
    data = [f"--input={write_jsb(tmp_path / 'jsb.json')}", f"--data_dir={tmp_path}"]
    data += ["--preset=jsb", f"--model_dir={tmp_path / 'run'}"]
    code, _, errors = command("train", "--strategy=tpu", *data, *arguments)
    assert (code, trained) == (0, [dtype]), errors
