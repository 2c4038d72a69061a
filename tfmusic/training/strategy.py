"""Where a training runs: the strategies of tf.distribute by name."""

import json
import os

import tensorflow as tf

from tfmusic.errors import UserError

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")


def get_strategy(name: str, tpu: str = "local") -> tf.distribute.Strategy:
    """A strategy of tf.distribute.

    Args:
        name: "auto" mirrors over several GPUs and takes one device otherwise;
            "one_device" a GPU where there is one, else the CPU; "mirrored" all GPUs,
            else all (logical) CPUs; "multi_worker" what TF_CONFIG describes; "tpu".
        tpu: the TPU's name or address; "local" for a TPU VM's own.

    Raises:
        UserError: there is no such device, or no description of the workers.
    """
    # These two come first: they can't be made once the devices have been listed.
    if name == "multi_worker":
        return _multi_worker_strategy()
    if name == "tpu":
        return _tpu_strategy(tpu)
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")
    if name == "mirrored":
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    raise UserError(f"no strategy {name!r}: choose from {', '.join(STRATEGIES)}")


def _multi_worker_strategy() -> tf.distribute.Strategy:
    # Without TF_CONFIG, TensorFlow trains alone and says nothing.
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG", ""))["cluster"]
    except (ValueError, KeyError, TypeError):
        cluster = None
    if not cluster:
        raise UserError(
            "--strategy=multi_worker needs TF_CONFIG in the environment, JSON such as "
            '{"cluster": {"worker": ["host:port", ...]}, '
            '"task": {"type": "worker", "index": 0}}, or choose --strategy=auto'
        )
    return tf.distribute.MultiWorkerMirroredStrategy()


def _tpu_strategy(tpu: str) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
        if tpu != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, ValueError, RuntimeError, OSError) as error:
        raise UserError(
            f"no TPU answers as {tpu!r}: run on a TPU VM, give --tpu=NAME, or choose "
            "--strategy=auto"
        ) from error
    return tf.distribute.TPUStrategy(resolver)
