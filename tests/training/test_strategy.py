import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.training.strategy import STRATEGIES, get_strategy


@pytest.mark.parametrize("name", ["auto", "one_device"])
def test_one_device(name):
    strategy = get_strategy(name)
    assert isinstance(strategy, tf.distribute.OneDeviceStrategy)
    assert strategy.num_replicas_in_sync == 1


def test_mirrored_takes_all_logical_cpus_where_there_is_no_gpu():
    strategy = get_strategy("mirrored")
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    assert strategy.num_replicas_in_sync == 2


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
