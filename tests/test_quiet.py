"""TensorFlow arrives silently, and what is printed afterwards is seen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfmusic import quiet


def test_nothing_is_printed_by_importing_tensorflow():
    code = "from tfmusic.quiet import import_tensorflow; import_tensorflow()"
    loaded = "import sys; assert 'tensorflow' in sys.modules"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}; {loaded}"],
        cwd=Path(__file__).parents[1],
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"},
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_standard_error_comes_back_and_exceptions_pass(capfd):
    with pytest.raises(ImportError), quiet.silent_libraries():
        os.write(2, b"lost")
        raise ImportError
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"
