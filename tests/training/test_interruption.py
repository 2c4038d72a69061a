"""A training that is killed, told to end, or out of room, and what comes after."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.test_trainer import metrics, state
from tfmusic.training import run

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    """The folder of `interrupted.py`'s trainings, and how each ended."""
    folder = tmp_path_factory.mktemp("interruption")
    printed = subprocess.run(
        [sys.executable, "-m", "tests.training.interrupted", str(folder)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    names = ("whole", "killed", "broken", "full")
    words = [line.split() for line in printed.splitlines()]
    return folder, [word for word in words if word and word[0] in names]


def test_a_training_that_was_killed_is_the_whole_one_bit_for_bit(trainings):
    folder, ends = trainings
    assert ends[:-1] == [["whole", "0"], *[["killed", "-9"]] * 3, ["broken", "0"]]
    whole, broken = folder / "whole", folder / "broken"
    for on, steps in ("train", [2, 3, 4, 6]), ("validation", [3, 6]):
        lines = metrics(whole, on)
        assert [line["step"] for line in lines] == steps
        others = metrics(broken, on)
        for line in (*lines, *others):
            line.pop("tokens_per_second", None)
        assert others == lines
    arrays, others = state(whole), state(broken)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(others[name], array, name)
    for name in run.BEST_WEIGHTS, run.BEST_REPORT, "config.json", "tokenizer.json":
        assert (whole / name).read_bytes() == (broken / name).read_bytes(), name

    def names(folder):
        paths = (path.relative_to(folder) for path in folder.rglob("*"))
        return {str(path) for path in paths if path.parent.name != "logs"}

    # A killed process leaves its lock's file, the one that goes on removes it.
    assert names(broken) == names(whole)


def test_a_full_disk_ends_with_a_line(trainings):
    folder, ends = trainings
    assert ends[-1] == ["full", "2"]
    error = (folder / "full.stderr").read_text()
    assert error.startswith("tfmusic: cannot write ") and error.count("\n") == 1
    assert "File too large; the training stops" in error
    assert not list((folder / "full" / "checkpoints").iterdir())
    json.loads((folder / "full" / "metrics.jsonl").read_text())  # a whole line


LISTENER = """
import time
from tfmusic.training.interruption import Signals
with Signals() as signals:
    print("ready", flush=True)
    while not signals.received:
        time.sleep(0.01)
    print(signals.received.name, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    "first, second, code", [("TERM", "TERM", 75), ("INT", "INT", 130)]
)
def test_one_signal_is_noted_and_a_second_ends_the_process(first, second, code):
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENER], cwd=CHECKOUT, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout.readline() == b"ready\n"
        subprocess.run(["kill", f"-{first}", str(process.pid)], check=True)
        assert process.stdout.readline() == f"SIG{first}\n".encode()
        subprocess.run(["kill", f"-{second}", str(process.pid)], check=True)
        assert process.wait(30) == code
