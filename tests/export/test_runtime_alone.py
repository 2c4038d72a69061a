"""The runtime where there is nothing but numpy, LiteRT and what LiteRT asks for."""

import os
import shutil
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from tfmusic.export import runtime

ABSENT = ("tensorflow", "keras", "tfmusic", "note_seq", "absl", "scipy")
ALONE = f"""
import importlib.util, runpy, sys
folder, *sys.argv = sys.argv[1:]
sys.path.append(folder)
assert not [name for name in {ABSENT} if importlib.util.find_spec(name)]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with links to the files of the packages that the runtime needs."""
    folder = tmp_path_factory.mktemp("packages")
    wanted, found = ["numpy", "ai-edge-litert"], set()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        distribution = metadata.distribution(name)
        for file in distribution.files:
            if ".." not in file.parts:  # such as a script in bin/
                link = folder / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(distribution.locate_file(file))
        for text in distribution.requires or []:
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
    return folder


def run_alone(packages, *arguments, cwd):
    # -I leaves out the environment and this folder, -S what is installed.
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, str(packages), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
    )


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.0}, {"top_p": 0.9}])
def test_the_single_file_makes_the_same_music(
    packages, small_exported, tmp_path, settings
):
    shutil.copy(runtime.__file__, tmp_path / "runtime.py")
    shutil.copy(small_exported, tmp_path / "model.tflite")
    options = ["--output=music.mid", "--tokens=40", "--seed=3"]
    options += [f"--{name}={value}" for name, value in settings.items()]
    result = run_alone(packages, "runtime.py", "model.tflite", *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("music.mid: ")
    music = runtime.load(small_exported)
    notes = list(music.stream_notes(num_tokens=40, seed=3, **settings))
    runtime.write_midi(notes, tmp_path / "expected.mid")
    expected = (tmp_path / "expected.mid").read_bytes()
    assert (tmp_path / "music.mid").read_bytes() == expected


def test_what_is_absent_there_is_here(packages):
    """The check would find TensorFlow, were it in the folder."""
    result = run_alone(
        os.path.dirname(metadata.distribution("tensorflow").locate_file("tensorflow")),
        "runtime.py",
        cwd=packages,
    )
    assert "AssertionError" in result.stderr
