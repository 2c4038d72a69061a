import json
import os
import shutil
import subprocess
import sys
import zipfile
from itertools import count
from pathlib import Path

import pytest

from tests.export.token_music import CHORALE, as_tuple, as_tuples
from tfmusic.export import runtime
from tfmusic.music import read_sequence

CHECKOUT = Path(__file__).parents[2]
PRIME = [20, 21, 22, 23, 24]


@pytest.fixture(scope="module")
def music(small_exported):
    return runtime.load(small_exported)


@pytest.fixture
def run(small_exported, capsys):
    """run(arguments): the lines on stdout and on stderr."""

    def run(*arguments, code=0):
        assert runtime.main([str(small_exported), *arguments]) == code
        captured = capsys.readouterr()
        return captured.out.splitlines(), captured.err.splitlines()

    return run


def heard(notes):
    """Starts, ends and pitches as a MIDI file keeps them; no two tracks differ."""
    ticks = runtime.TICKS_PER_SECOND
    return sorted(
        (round(start * ticks), round(end * ticks), pitch)
        for _, start, end, pitch, *_ in notes
    )


def test_the_file_holds_the_notes_of_the_model(run, music, tmp_path):
    out, err = run(
        f"--output={tmp_path / 'music.mid'}",
        "--tokens=40",
        "--seed=3",
        "--top_p=0.9",
        "--prime_tokens=20,21,22,23,24",
    )
    (ids,) = music.generate([PRIME], 40, 3, top_p=0.9)
    notes, _ = music.decode(ids)
    read = as_tuples(read_sequence(tmp_path / "music.mid"))
    assert heard(read) == heard(map(as_tuple, notes))
    (line,) = out
    summary = f"music.mid: {len(notes)} notes from {len(ids)} tokens (0 invalid); "
    assert summary in line and line.endswith(" tokens/s")
    assert not err  # no terminal, no progress


def test_notes_are_printed_as_they_are_made(run, music):
    out, err = run("--stream", "--tokens=40", "--temperature=0")
    notes, _ = music.decode(music.generate([[]], 40, temperature=0.0)[0])
    assert out == [
        f"{note.start:.3f} {note.end:.3f} {note.pitch} {note.velocity} {note.program}"
        for note in notes
    ]
    assert [f"{len(notes)} notes" in line for line in err] == [True]


def test_drums_are_printed_as_such(run, monkeypatch):
    notes = [runtime.Note(0.0, 0.25, 36, is_drum=True)]
    monkeypatch.setattr(runtime.NoteStream, "__next__", lambda _: notes.pop())
    monkeypatch.setattr(runtime.NoteStream, "__iter__", lambda _: iter([*notes]))
    out, _ = run("--stream")
    assert out == ["0.000 0.250 36 80 drums"]


def test_so_many_seconds_are_made(run, music, tmp_path):
    run(f"--output={tmp_path / 'music.mid'}", "--seconds=1", "--seed=2")
    notes = list(music.stream_notes(seconds=1.0, seed=2))
    read = as_tuples(read_sequence(tmp_path / "music.mid"))
    assert heard(read) == heard(map(as_tuple, notes))


def test_a_file_tells_what_it_is(run, small_exported, tmp_path):
    out, _ = run("--info")
    info = json.loads("\n".join(out))
    assert info["about"]["tokenizer_hash"] == CHORALE.hash
    assert info["config"]["max_length"] == 16
    assert info["tokenizer"] == {"name": "chorale", **CHORALE.options}
    shutil.copy(small_exported, tmp_path / "other.tflite")
    with zipfile.ZipFile(tmp_path / "other.tflite", "a") as archive:
        archive.writestr("LICENSE", "CC0")
    assert runtime._info(str(tmp_path / "other.tflite"))["LICENSE"] == "CC0"


def test_a_terminal_shows_how_far_it_is(run, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime.time, "perf_counter", count().__next__)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, err = run(f"--output={tmp_path / 'music.mid'}", "--tokens=40", "--top_k=3")
    assert any(line.endswith(" s of music ") for line in err)


def test_without_arguments_there_is_the_usage(capsys):
    assert runtime.main([]) == 2
    assert "usage:" in capsys.readouterr().err


def test_what_is_wrong_is_one_line(small_exported, tmp_path, capsys):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    shutil.make_archive(tmp_path / "other", "zip", tmp_path, "picture.png")
    output = f"--output={tmp_path / 'music.mid'}"
    model = str(small_exported)
    for arguments, reason in (
        ([str(tmp_path / "none.tflite"), output], "No such file"),
        ([str(tmp_path), output], "directory"),
        ([str(tmp_path / "picture.png"), output], "not a .tflite file"),
        ([str(tmp_path / "picture.png"), "--info"], "not a .tflite file"),
        ([str(tmp_path / "other.zip"), output], "not a .tflite file"),
        ([model, f"--output={tmp_path / 'picture.png' / 'x.mid'}"], "picture.png"),
        ([model, output, "--seed=-1"], "non-negative"),
        ([model, output, "--prime_tokens=20,99"], "99: ids are 3 to 49"),
        ([model, output, "--top_p=0"], "top_p"),
        ([model, output, "--tokens=0"], "--tokens: must be above 0, not 0"),
        ([model, output, "--tokens=many"], "--tokens: invalid int value: 'many'"),
        ([model, output, "--seconds=-1"], "--seconds: must be above 0"),
        ([model, output, "--seconds=inf"], "--seconds"),
        ([model, output, "--threads=0"], "--threads"),
        ([model, output, "--prime_tokens=C4"], "--prime_tokens"),
        ([model, output, "--out=x.mid"], "--out"),
        ([model], "--output=music.mid, --stream or --info"),
        ([output], "model"),
    ):
        try:
            code = runtime.main(arguments)
        except SystemExit as exit:
            code = exit.code
        error = capsys.readouterr().err
        assert code == 2 and reason in error and error.count("\n") == 1, error
    assert not (tmp_path / "music.mid").exists()


def test_the_module_imports_neither_tensorflow_nor_keras(small_exported, tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "tfmusic.export.runtime"]
    result = subprocess.run(
        [*command, str(small_exported), "--output=music.mid", "--tokens=8"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("music.mid: ")
    lines = [line for line in result.stderr.splitlines() if "import time:" in line]
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in lines}
    assert "ai_edge_litert" in imported
    assert not imported & {"tensorflow", "keras", "note_seq", "absl"}


def test_who_has_heard_enough_may_leave(small_exported):
    process = subprocess.Popen(
        [sys.executable, runtime.__file__, str(small_exported), "--stream"]
        + ["--seconds=1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process.stdout, process.stderr:
        assert process.stdout.readline().startswith("0.000 ")
        process.stdout.close()
        error = process.stderr.read()
    assert process.wait() == 0 and "Error" not in error, error
