import hashlib

import pytest

from tests.tiny import write_jsb
from tfmusic.datasets.jsb_chorales import JsbChorales
from tfmusic.datasets.jsb_files import read_chorales
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
