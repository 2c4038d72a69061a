"""The Makefile's set-up, with scripts that stand in for interpreters."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
CANDIDATES = ["python3", "python3.13", "python3.12", "python3.11", "python"]

# As pyenv's shims answer for a version that is installed but not chosen.
SHIM = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"

# Logs what it is asked to do; "makes" an environment by copying itself there.
PYTHON = """#!/bin/sh
echo "$(basename $0) $*" >> log
if [ "$2" = venv ]; then mkdir -p .venv/bin && cp "$0" .venv/bin/python; fi
"""


@pytest.fixture
def make(tmp_path):
    """Runs make in a copy, on a PATH that begins with the folder `bin`."""
    for name in "Makefile", "setup.py":
        shutil.copy(CHECKOUT / name, tmp_path)
    for name in CANDIDATES:
        write_script(tmp_path / "bin" / name, SHIM)

    def run_make(*arguments):
        inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON")
        environment = {k: v for k, v in os.environ.items() if k not in inherited}
        environment["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["make", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run_make


def write_script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def installations(folder):
    return [
        line for line in (folder / "log").read_text().splitlines() if ".[dev]" in line
    ]


def test_make_alone_lists_the_targets(make):
    printed = make().stdout
    for target in "music", "test", "lint", "clean":
        assert f"make {target} " in printed


def test_interpreters_that_do_not_run_are_passed_over(make, tmp_path):
    write_script(tmp_path / "bin" / "python3.12", PYTHON)
    result = make("test")
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0].startswith("python3.12 -c import")
    assert "python3.12 -m venv --clear .venv" in lines
    assert lines[-1].startswith("python -m pytest")


def test_python_names_an_interpreter(make, tmp_path):
    write_script(tmp_path / "bin" / "python3.12", PYTHON)
    write_script(tmp_path / "mine", PYTHON)
    assert make("test", f"PYTHON={tmp_path / 'mine'}").returncode == 0
    assert "python3.12" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("python", [None, "python3.13", "/no/such/python"])
def test_without_an_interpreter_one_line_says_what_to_do(make, tmp_path, python):
    result = make("test", *([f"PYTHON={python}"] if python else []))
    assert result.returncode == 2
    message, _ = result.stderr.splitlines()  # the second line is make's own
    assert message.startswith("tfmusic needs Python 3.11, 3.12 or 3.13")
    assert not (tmp_path / ".venv").exists()


def test_installed_once_and_again_after_setup_changed(make, tmp_path):
    write_script(tmp_path / "bin" / "python3.11", PYTHON)
    for _ in range(2):
        assert make("test").returncode == 0
    assert len(installations(tmp_path)) == 1
    later = (tmp_path / ".venv" / ".ready").stat().st_mtime + 10
    os.utime(tmp_path / "setup.py", (later, later))
    assert make("test").returncode == 0
    assert len(installations(tmp_path)) == 2
