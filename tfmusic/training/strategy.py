"""Where a training runs: the strategies of tf.distribute by name."""

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
        UserError: there is no such device.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("/gpu:0" if gpus else "/cpu:0")
    if name == "mirrored":
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "tpu":
        return _tpu_strategy(tpu)
    raise UserError(f"no strategy {name!r}: choose from {', '.join(STRATEGIES)}")


def _tpu_strategy(tpu: str) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
        if tpu != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise UserError(
            f"no TPU answers as {tpu!r}: run on a TPU VM, give --tpu=NAME, or choose "
            "--strategy=auto"
        ) from error
    return tf.distribute.TPUStrategy(resolver)
