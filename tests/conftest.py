"""What every test runs under: quiet TensorFlow, two logical CPUs, fixed seeds."""

import os
import runpy
from pathlib import Path

import hypothesis
import pytest
from absl import flags

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


@pytest.fixture
def command(capfd, monkeypatch):
    """Runs `python -m tfmusic.NAME` in this process: exit code, stdout, stderr."""

    def run(name, *arguments):
        # Commands name their flags alike: each sees those of the libraries and its own.
        libraries = flags.FlagValues()
        for module, defined in flags.FLAGS.flags_by_module_dict().items():
            if not module.startswith(("tfmusic.", "benchmarks.")):
                for flag in defined:
                    libraries[flag.name] = flag
        flags_before = dict(vars(flags.FLAGS))
        vars(flags.FLAGS).update(vars(libraries))
        monkeypatch.setattr("sys.argv", [name, *arguments])
        capfd.readouterr()
        try:
            with pytest.raises(SystemExit) as exit_:
                path = Path(__file__).parents[1] / "tfmusic" / f"{name}.py"
                runpy.run_path(str(path), run_name="__main__")
        finally:
            vars(flags.FLAGS).update(flags_before)
        return exit_.value.code, *capfd.readouterr()

    return run
