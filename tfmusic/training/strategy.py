"""Where a training runs: the strategies of tf.distribute by name."""

import contextlib
import json
import os
from collections.abc import Iterator

import tensorflow as tf

from tfmusic.errors import UserError

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")

EX_UNAVAILABLE = 69  # of sysexits.h


class WorkerLost(UserError):
    """Another worker of the training is gone, so that this one can't go on.

    Collective operations have no way back: all workers are to be started again.
    """

    exit_code = EX_UNAVAILABLE


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


def is_tpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether the replicas are a TPU's, where all of a step is one XLA program."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


def default_block_size(strategy: tf.distribute.Strategy, length: int) -> int | None:
    """The `attention_block_size` that trains windows of `length` the fastest.

    On CPUs only, where it was measured (BENCHMARKS.md, "A training step").
    """
    if length < 1024:
        return None
    devices = {
        tf.DeviceSpec.from_string(device).device_type
        for device in strategy.extended.worker_devices
    }
    return 128 if devices == {"CPU"} else None


def is_shared(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes train together."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes what a run leaves: of several workers one does.

    It is the task "chief" of TF_CONFIG, or worker 0 where there is none. Every other
    strategy has one process.
    """
    if not is_shared(strategy):
        return True
    resolver = strategy.cluster_resolver
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_type == "worker" and resolver.task_id == 0


@contextlib.contextmanager
def losing_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Says in one line that another worker is gone.

    Raises:
        WorkerLost: the block ended with what TensorFlow makes of it.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    ) as error:
        if not is_shared(strategy):
            raise
        raise WorkerLost(
            "another worker is gone: start all workers again, they go on from the last "
            "checkpoint"
        ) from error


def check_step(strategy: tf.distribute.Strategy, step: int, model_dir: str) -> None:
    """Checks that every worker has restored the same step.

    Raises:
        UserError: they have not: they do not see the same folder.
    """
    if not is_shared(strategy):
        return
    steps = _gathered(strategy, step)
    if len({*steps}) > 1:
        raise UserError(
            f"the workers found different steps in {model_dir} ({sorted({*steps})}): "
            "give a --model_dir that all of them share"
        )


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here."""
    if is_shared(strategy):
        _gathered(strategy, 0)


def _gathered(strategy, number):
    """Every replica's number."""

    @tf.function
    def gather():
        def of_replica():
            replica = tf.distribute.get_replica_context()
            return replica.all_gather(tf.constant([number]), axis=0)

        return strategy.experimental_local_results(strategy.run(of_replica))[0]

    return gather().numpy().tolist()


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
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except ValueError as error:
        raise UserError(
            f"TF_CONFIG describes no worker of its cluster: {error}"
        ) from error
    except tf.errors.OpError as error:
        raise WorkerLost(
            f"the workers did not find each other ({error.message}): check the "
            "addresses in TF_CONFIG, and start all of them again"
        ) from error


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
