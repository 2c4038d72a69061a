import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets import registry
from tfmusic.prepare import format_report

DATA = {
    "train": [[[60, 55, 52, 36]] * 2],
    "valid": [[[60, 55, 52, 36]] * 3],
    "test": [[[60, 55, 52, 36]] * 4],
}


def run(*args):
    return subprocess.run(
        [sys.executable, "-m", "tfmusic.prepare", *args], capture_output=True, text=True
    )


def test_the_command(tmp_path):
    (tmp_path / "jsb.json").write_text(json.dumps(DATA))
    result = run(
        "--dataset=jsb_chorales",
        f"--input={tmp_path / 'jsb.json'}",
        f"--data_dir={tmp_path / 'data'}",
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "jsb_chorales 1.0.0, from jsb.json"
    assert lines[1] == "files: 1 given, 1 read, 0 skipped"
    report = registry.prepare("jsb_chorales", str(tmp_path / "data"))
    assert lines == format_report(report).splitlines()
    ids = report["splits"]["train"]["ids_sha256"][:8]
    assert ["train", "1", "4", "8", "0.00", ids] in [line.split() for line in lines]
    assert "jsb_chorales: reading 1 files of jsb.json" in result.stderr


@pytest.mark.parametrize(
    "args, message",
    [
        (["--dataset=jsb_chorales"], "--input=PATH"),
        (["--dataset=jsb_chorales", "--input=missing.zip"], "cannot read missing.zip"),
        (["--dataset=bach"], "bach_chorales, "),
        (["--dataset=maestro/v9"], "maestro/v2.0.0"),
        (["--dataset=maestro"], "--input=PATH"),
        (["--tokenizer_options=5"], "write JSON"),
        (['--tokenizer_options={"loud": 1}'], "loud"),
        (["--tokenizer=none"], "chorale"),
    ],
)
def test_wrong_input_is_one_line(tmp_path, args, message):
    result = run(*args, f"--data_dir={tmp_path / 'data'}")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("tfmusic: ")
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_the_report_names_what_was_left_out():
    report = {
        "dataset": "bach_chorales",
        "version": "1.0.0",
        "origin": "music21",
        "unit": "files",
        "files": {
            "given": 12,
            "read": 2,
            "skipped": {f"bwv{number}.mxl": "5 parts, not 4" for number in range(10)},
        },
        "duplicates_removed": {"bwv274": "bwv62.6"},
        "groups": [["bwv5.7", "bwv89.6"]],
        "splits": {
            "train": {
                "pieces": 2,
                "notes": 1234,
                "seconds": 7200.0,
                "tokens": 5000,
                "ids_sha256": "89abcdef" * 8,
                "not_encoded": {"bwv1": "too many voices"},
            }
        },
        "tokenizer": {"name": "chorale", "hash": "0123abcd"},
        "tokens_dir": "data/tokens-0123abcd",
    }
    text = format_report(report)
    for part in (
        "files: 12 given, 2 read, 10 skipped",
        "bwv0.mxl: 5 parts, not 4",
        "and 2 more, all in report.json",
        "bwv274 repeats bwv62.6",
        "2 in 1 groups",
        "chorale (0123abcd)",
        "bwv1 has no ids: too many voices",
        "data/tokens-0123abcd",
    ):
        assert part in text
    assert ["train", "2", "1,234", "5,000", "2.00", "89abcdef"] in [
        line.split() for line in text.splitlines()
    ]


def tree(folder):
    """All files below a folder by name, and the folders."""
    return {
        str(path.relative_to(folder)): path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
    }


def test_killed_and_run_again_it_ends_with_the_same_bytes(tmp_path):
    generator = np.random.default_rng(0)
    files = {
        f"{n}.mid": midi(*generator.integers(30, 90, 400).tolist()) for n in range(400)
    }
    path = write_files(tmp_path / "music.zip", files | {"bad.mid": b"no music"})

    def arguments(name):
        data_dir = f"--data_dir={tmp_path / name}"
        return "--dataset=midi_folder", f"--input={path}", data_dir, "--workers=2"

    unbroken = run(*arguments("unbroken"))
    assert unbroken.returncode == 0, unbroken.stderr
    command = [sys.executable, "-m", "tfmusic.prepare", *arguments("killed")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "killed").rglob("000002.pickle")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reading = tmp_path / "killed" / "midi_folder" / ".1.0.0.reading"
    assert reading.is_dir()
    again = run(*arguments("killed"))
    assert again.returncode == 0, again.stderr
    assert "of them read before" in again.stderr
    assert tree(tmp_path / "killed") == tree(tmp_path / "unbroken")
    assert again.stdout == unbroken.stdout.replace("/unbroken/", "/killed/")
