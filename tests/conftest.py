"""What every test runs under: quiet TensorFlow, two logical CPUs, fixed seeds."""

import os

import hypothesis
import pytest

from tfmusic.quiet import import_tensorflow

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

# Before anything else uses a device: the mirrored strategy is tested on these two.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

hypothesis.settings.register_profile("tfmusic", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tfmusic")


@pytest.fixture(autouse=True)
def seeded():
    """Python's, numpy's and TensorFlow's random numbers are the same in every run."""
    keras.utils.set_random_seed(0)
