import json
import os
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfmusic.datasets import registry
from tfmusic.datasets.jsb_chorales import JsbChorales
from tfmusic.datasets.piece_builder import PieceBuilder
from tfmusic.datasets.pieces import Pieces
from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers import TOKENIZERS, ChoraleTokenizer

DATA = {
    "train": [[[74, 71, 67, 55]] * 4 + [[72, -1, 67, 48]] * 4, [[60, 55, 52, 36]] * 2],
    "valid": [[[81, 76, 69, 57]] * 3],
    "test": [[[67, 62, 59, 43]] * 5],
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "jsb.json"
    path.write_text(json.dumps(DATA))
    return str(path)


@pytest.fixture
def data_dir(tmp_path):
    return str(tmp_path / "data")


def files_under(folder):
    return sorted(
        os.path.join(at, f) for at, _, files in os.walk(folder) for f in files
    )


def test_importing_the_registry_is_cheap():
    code = (
        "import sys\n"
        "from tfmusic.datasets import registry\n"
        "heavy = {'tensorflow', 'tensorflow_datasets', 'note_seq', 'music21'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_data_set_is_complete(data_dir):
    for name, dataset in registry.DATASETS.items():
        builder = registry.get_builder(name, data_dir)
        assert isinstance(builder, PieceBuilder)
        assert builder.name == name
        assert dataset.tokenizer in TOKENIZERS
        assert builder.info.citation and builder.info.description
        assert str(builder.version) in builder.RELEASE_NOTES
    assert not os.path.exists(data_dir)


def test_an_unknown_name_is_one_line(data_dir):
    with pytest.raises(
        UserError, match="choose from bach_chorales, .*essen/erk, .*jsb_chorales"
    ):
        registry.get_builder("bach", data_dir)


def test_the_report_adds_up(path, data_dir):
    report = registry.prepare("jsb_chorales", data_dir, path)
    assert report["origin"] == "jsb.json"
    assert report["files"] == {"given": 1, "read": 1, "skipped": {}}
    assert report["tokenizer"] == {"name": "chorale", "hash": ChoraleTokenizer().hash}
    train = report["splits"]["train"]
    # Soprano and bass move once, the alto falls silent, the tenor holds; then a chord.
    assert train["notes"] == (2 + 1 + 1 + 2) + 4
    assert train["tokens"] == 4 * (8 + 2)
    assert train["pieces"] == 2
    assert train["seconds"] == pytest.approx(10 * 0.125)
    assert report["splits"]["validation"]["tokens"] == 12
    with open(os.path.join(report["tokens_dir"], "report.json")) as file:
        assert json.load(file).items() <= report.items()


def test_what_is_prepared_is_used_again(path, data_dir, monkeypatch):
    first = registry.prepare("jsb_chorales", data_dir, path)
    before = {file: os.stat(file).st_mtime_ns for file in files_under(data_dir)}
    monkeypatch.setattr(JsbChorales, "list_items", None)
    assert registry.prepare("jsb_chorales", data_dir, path) == first
    assert registry.prepare("jsb_chorales", data_dir) == first
    assert {f: os.stat(f).st_mtime_ns for f in files_under(data_dir)} == before


def test_another_tokenizer_has_its_own_folder(path, data_dir):
    first = registry.prepare("jsb_chorales", data_dir, path)
    other = ChoraleTokenizer(min_pitch=30)
    second = registry.prepare("jsb_chorales", data_dir, tokenizer=other)
    assert second["tokenizer"]["hash"] == other.hash
    assert os.path.dirname(first["tokens_dir"]) == os.path.dirname(second["tokens_dir"])
    assert first["tokens_dir"] != second["tokens_dir"]


def test_another_input_is_refused(path, data_dir, tmp_path):
    registry.prepare("jsb_chorales", data_dir, path)
    (tmp_path / "other.json").write_text(json.dumps({**DATA, "test": []}))
    with pytest.raises(UserError, match="from jsb.json: give another --data_dir"):
        registry.prepare("jsb_chorales", data_dir, str(tmp_path / "other.json"))


def test_an_input_that_is_missing_or_not_needed(data_dir):
    with pytest.raises(UserError, match="--dataset=jsb_chorales --input=PATH --data_d"):
        registry.prepare("jsb_chorales", data_dir)
    with pytest.raises(UserError, match="needs no --input"):
        registry.prepare("bach_chorales", data_dir, "some.zip")
    assert not os.path.exists(data_dir)


def test_nothing_half_written_is_left(path, data_dir, tmp_path, monkeypatch):
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(UserError, match="not the JSB Chorales"):
        registry.prepare("jsb_chorales", data_dir, str(tmp_path / "bad.json"))
    assert files_under(data_dir) == []

    def fail(*args):
        raise RuntimeError("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr("tfmusic.datasets.piece_builder._examples", fail)
        with pytest.raises(RuntimeError, match="interrupted"):
            registry.prepare("jsb_chorales", data_dir, path)
    # What was read stays, so that it needs not be read again.
    left = {os.path.relpath(file, data_dir) for file in files_under(data_dir)}
    assert left == {
        "jsb_chorales/.1.0.0.lock",
        "jsb_chorales/.1.0.0.reading/000000.pickle",
        "jsb_chorales/.1.0.0.reading/reading.json",
    }

    with monkeypatch.context() as patch:
        patch.setattr(Pieces, "save", fail)
        with pytest.raises(RuntimeError, match="interrupted"):
            registry.prepare("jsb_chorales", data_dir, path)
    assert not [file for file in files_under(data_dir) if "tokens" in file]
    assert registry.prepare("jsb_chorales", data_dir, path)["splits"]
    assert not [file for file in files_under(data_dir) if "reading" in file]


def test_an_empty_split_is_one_line(data_dir, tmp_path):
    (tmp_path / "jsb.json").write_text(json.dumps({**DATA, "test": []}))
    with pytest.raises(UserError, match="jsb.json has no piece for test"):
        registry.prepare("jsb_chorales", data_dir, str(tmp_path / "jsb.json"))
    assert not os.path.exists(data_dir)


def test_a_tilde_is_the_home_folder(data_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    builder = registry.get_builder("jsb_chorales", data_dir, "~/jsb.json")
    assert builder.input == os.path.join(str(tmp_path), "jsb.json")


def test_a_folder_that_cannot_be_written(path):
    with pytest.raises(UserError, match="cannot write"):
        registry.prepare("jsb_chorales", path, path)


def test_another_process_may_be_first(path, data_dir, monkeypatch):
    first, second = (
        registry.get_builder("jsb_chorales", data_dir, path) for _ in range(2)
    )
    entered, leave = threading.Event(), threading.Event()
    prepare = first._prepare

    def prepare_late(*args):
        entered.set()
        leave.wait()
        prepare(*args)

    monkeypatch.setattr(first, "_prepare", prepare_late)
    monkeypatch.setattr(second, "_prepare", None)  # it has nothing to do
    threads = [threading.Thread(target=each.prepare) for each in (first, second)]
    threads[0].start()
    entered.wait()
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join()
    for builder in (first, second):
        assert builder.info.splits["train"].num_examples == 2


def test_no_network_and_nothing_on_stdout(path, data_dir, monkeypatch, capfd):
    def refuse(*args, **kwargs):
        raise AssertionError("went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    lines = []
    registry.prepare("jsb_chorales", data_dir, path, log=lines.append)
    assert lines == ["jsb_chorales: reading 1 files of jsb.json"]
    assert capfd.readouterr().out == ""


def test_the_shards_are_ordinary_tensorflow_datasets(path, data_dir):
    registry.prepare("jsb_chorales", data_dir, path)
    dataset = tfds.load("jsb_chorales", split="train", data_dir=data_dir)
    examples = list(dataset.as_numpy_iterator())
    assert [example["id"] for example in examples] == [b"train_000", b"train_001"]
    pitches = {
        note.pitch for note in NoteSequence.FromString(examples[1]["sequence"]).notes
    }
    assert pitches == {60, 55, 52, 36}
    assert np.asarray(examples[0]["sequence"]).shape == ()
