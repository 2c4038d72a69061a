import errno
import hashlib
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from tests.datasets.tiny_files import midi, write_files
from tests.tiny import write_jsb
from tfmusic.datasets.jsb_chorales import JsbChorales
from tfmusic.datasets.jsb_files import read_chorales
from tfmusic.datasets.midi_folder import MidiFolder
from tfmusic.datasets.piece_builder import Work
from tfmusic.datasets.reading import Reading
from tfmusic.datasets.source import SPLITS
from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence


@pytest.fixture
def builder(tmp_path):
    path = write_jsb(tmp_path / "jsb.json")
    return JsbChorales(
        input=str(path), data_dir=str(tmp_path / "data"), log=lambda line: None
    )


def test_shards_hold_what_was_read_in_its_order(builder):
    pieces = read_chorales(*builder.list_items().items)
    builder.prepare()
    for split in SPLITS:
        expected = [piece for piece in pieces if piece.split == split]
        examples = list(builder.as_dataset(split=split).as_numpy_iterator())
        names = [example["id"].decode() for example in examples]
        assert names == [piece.name for piece in expected]
        found = [NoteSequence.FromString(example["sequence"]) for example in examples]
        assert found == [piece.sequence for piece in expected]


def test_the_report_says_what_the_shards_were_made_from(builder, tmp_path):
    builder.prepare()
    content = (tmp_path / "jsb.json").read_bytes()
    report = builder.report()
    assert report["dataset"] == "jsb_chorales"
    assert report["version"] == str(builder.version)
    assert report["input_sha256"] == hashlib.sha256(content).hexdigest()


def test_an_input_that_changed_is_refused(builder, tmp_path):
    builder.prepare()
    builder.prepare()  # the same again is nothing to do
    path = tmp_path / "jsb.json"
    path.write_text(path.read_text().replace("[", "[ ", 1))
    with pytest.raises(UserError, match="prepared from another input"):
        builder.prepare()


def test_a_file_that_is_not_as_published_is_told(tmp_path):
    lines = []
    path = write_jsb(tmp_path / "Jsb16thSeparated.json")
    builder = JsbChorales(
        input=str(path), data_dir=str(tmp_path / "data"), log=lines.append
    )
    builder.prepare()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert builder.report()["checksums"] == {"Jsb16thSeparated.json": sha256}
    assert "jsb_chorales: Jsb16thSeparated.json is not as it was published" in lines


def full(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def full_for_tensorflow(*args):
    error = tf.errors.ResourceExhaustedError(None, None, "No space left on device")
    raise RuntimeError("Failed to finalize writing") from error


@pytest.mark.parametrize("fail", [full, full_for_tensorflow])
def test_a_full_disk_is_one_line_and_what_was_read_stays(builder, monkeypatch, fail):
    monkeypatch.setattr("tfmusic.datasets.piece_builder._examples", fail)
    with pytest.raises(UserError, match="cannot write .*: No space left on device"):
        builder.prepare()
    monkeypatch.undo()
    lines = []
    builder.log = lines.append
    builder.prepare()
    assert "1 of them read before" in lines[0]


KILLED = """
import os
from tfmusic.datasets import piece_builder, registry

piece_builder._examples = lambda *args: os.kill(os.getpid(), 9)
registry.prepare("jsb_chorales", {data_dir!r}, {input!r})
"""


def test_killed_while_it_writes_shards_it_leaves_nothing_in_the_end(builder):
    folder = os.path.dirname(builder.data_dir)
    script = KILLED.format(
        data_dir=os.fspath(builder.data_dir_root), input=builder.input
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert [name for name in os.listdir(folder) if "incomplete" in name]
    builder.prepare()
    assert sorted(os.listdir(folder)) == [".1.0.0.lock", "1.0.0"]


def test_another_failure_is_no_full_disk(builder, monkeypatch):
    def fail(*args):
        raise RuntimeError("unexpected")

    monkeypatch.setattr("tfmusic.datasets.piece_builder._examples", fail)
    with pytest.raises(RuntimeError, match="unexpected"):
        builder.prepare()


def test_an_input_that_changes_while_it_is_read_is_told_later(tmp_path, monkeypatch):
    pitches = range(40, 80)
    files = {f"{pitch}.mid": midi(pitch) for pitch in pitches}
    path = write_files(tmp_path / "music", files)
    builder = MidiFolder(
        input=path, data_dir=str(tmp_path / "data"), log=lambda line: None
    )
    run = Reading.run

    def run_slowly(*args):
        (tmp_path / "music" / "late.mid").write_bytes(midi(90))
        run(*args)

    monkeypatch.setattr(Reading, "run", run_slowly)
    builder.prepare(Work(num_workers=1))
    assert builder.report()["files"]["given"] == len(pitches)
    with pytest.raises(UserError, match="prepared from another input"):
        builder.prepare()
    os.remove(tmp_path / "music" / "late.mid")
    builder.prepare()
