"""Importing tfmusic: what it brings, what it leaves alone, which backends it takes."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tfmusic

CHECKOUT = Path(__file__).parents[1]


def run_python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=CHECKOUT, capture_output=True, text=True
    )


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """An empty home of Keras's settings, and no KERAS_BACKEND."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


def test_import_brings_no_framework_and_prints_nothing():
    code = "import sys, tfmusic; assert not {'tensorflow', 'keras'} & {*sys.modules}"
    result = run_python("-W", "error", "-c", code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_import_needs_the_standard_library_only():
    code = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import tfmusic.errors"
    result = run_python("-I", "-S", "-c", code)  # neither the user's nor any packages
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("name", tfmusic.__all__)
def test_every_public_name_is_there(name):
    value = getattr(tfmusic, name)
    assert getattr(value, "__name__", name) == name
    assert name in dir(tfmusic)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'MusicEncoder'"):
        tfmusic.MusicEncoder  # noqa: B018


def test_no_public_name_is_a_module_too():
    """Importing a module `tfmusic.x` would put it in the public name's place."""
    modules = {module.name for module in pkgutil.iter_modules(tfmusic.__path__)}
    assert "train" in modules
    assert not modules & {*tfmusic.__all__}


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_is_refused(keras_home, monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    result = run_python("-c", "import tfmusic")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"ImportError: tfmusic needs Keras's TensorFlow backend, not '{backend}': "
        "set KERAS_BACKEND=tensorflow"
    )


@pytest.mark.parametrize("command", ["train", "evaluate", "generate", "export"])
def test_a_command_refuses_another_backend_with_one_line(
    keras_home, monkeypatch, command
):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    result = run_python("-m", f"tfmusic.{command}", "--help")
    assert (result.returncode, result.stdout, result.stderr) == (
        2,
        "",
        "tfmusic: tfmusic needs Keras's TensorFlow backend, not 'jax': "
        "set KERAS_BACKEND=tensorflow\n",
    )


def test_the_backend_of_kerass_own_settings_counts(keras_home, monkeypatch):
    settings = keras_home / "keras.json"
    settings.write_text(json.dumps({"backend": "jax"}))
    assert "not 'jax'" in run_python("-c", "import tfmusic").stderr
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # the variable goes first
    assert run_python("-c", "import tfmusic").returncode == 0


def test_keras_settings_in_the_home_folder_count(keras_home, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(keras_home))
    (keras_home / ".keras").mkdir()
    (keras_home / ".keras" / "keras.json").write_text('{"backend": "torch"}')
    assert "not 'torch'" in run_python("-c", "import tfmusic").stderr


@pytest.mark.parametrize("text", ["", "{", "{}", '{"backend": "tensorflow"}'])
def test_settings_without_another_backend_are_accepted(keras_home, monkeypatch, text):
    monkeypatch.setenv("KERAS_BACKEND", "")  # as good as unset, as in Keras
    (keras_home / "keras.json").write_text(text)
    assert run_python("-c", "import tfmusic").returncode == 0
