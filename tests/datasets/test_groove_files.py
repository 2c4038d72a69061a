import csv
import io
import os

import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.groove_files import (
    COLUMNS,
    Table,
    find_table,
    list_performances,
    read_performance,
)
from tfmusic.errors import UserError

REAL = os.path.join(os.path.dirname(__file__), "../../../shared/data/groove-midi.zip")

PUBLISHED = (
    "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,split\n"
    "drummer1,drummer1/s,drummer1/s/2,funk/groove1,138,beat,4-4,drummer1/s/2.mid,test\n"
    "drummer1,drummer1/s,drummer1/s/10,rock,90,fill,6-8,drummer1/s/10.mid,train\n"
)
# What a spreadsheet program in Chinese made of it.
RESAVED = (
    PUBLISHED.replace("/2.mid", "\\2.mid").replace("4-4", "04月 04日").encode("gbk")
)
FILES = {
    "groove/info.csv": PUBLISHED,
    "groove/drummer1/s/2.mid": midi(36, 38, channel=9),
    "groove/drummer1/s/10.mid": midi(42, channel=9),
}


def rows(table):
    return list(csv.DictReader(io.StringIO(table.text)))


def by_split(table):
    splits = {}
    for row in rows(table):
        splits.setdefault(row["split"], []).append(row)
    return splits


@pytest.fixture(params=["folder", "groove.zip"])
def path(request, tmp_path):
    return write_files(tmp_path / request.param, FILES)


def test_the_table_is_as_published(path):
    table = find_table(path)
    assert table.name == "groove/info.csv"
    assert rows(table) == list(csv.DictReader(io.StringIO(PUBLISHED)))


def test_a_table_that_was_saved_again_is_mended(tmp_path):
    path = write_files(tmp_path / "groove", {**FILES, "groove/info.csv": RESAVED})
    assert rows(find_table(path)) == list(csv.DictReader(io.StringIO(PUBLISHED)))


def test_performances_are_listed_in_their_splits(path):
    table = find_table(path)
    listing = list_performances(path, table, by_split(table))
    assert [(item.name, item.split) for item in listing.items] == [
        ("drummer1/s/10", "train"),
        ("drummer1/s/2", "test"),
    ]


def test_a_performance_stays_a_drummer_s(path):
    table = find_table(path)
    item = list_performances(path, table, by_split(table)).items[1]
    [piece] = read_performance(item)
    assert (piece.name, piece.split) == ("drummer1/s/2", "test")
    notes = piece.sequence.notes
    assert [(note.pitch, note.is_drum) for note in notes] == [(36, True), (38, True)]
    assert piece.sequence.id == "drummer1/s/2"
    assert piece.sequence.sequence_metadata.artist == "drummer1"
    assert piece.sequence.sequence_metadata.genre == ["funk", "groove1"]


def test_missing_files_are_counted_and_the_first_is_named(tmp_path):
    path = write_files(tmp_path / "set.zip", {"info.csv": PUBLISHED})
    table = find_table(path)
    with pytest.raises(
        UserError,
        match="2 of the 2 files of info.csv are missing, the first is "
        "drummer1/s/10.mid: give the complete groove",
    ):
        list_performances(path, table, by_split(table))


def test_other_inputs_are_one_line(tmp_path):
    other = write_files(tmp_path / "other", {"a.mid": midi(60)})
    with pytest.raises(UserError, match="other holds no info.csv: give the unpacked"):
        find_table(other)
    wrong = write_files(tmp_path / "wrong", {"info.csv": "id,name\n1,2\n"})
    with pytest.raises(UserError, match="info.csv is not the table .* has no drummer"):
        find_table(wrong)
    table = Table("info.csv", PUBLISHED)
    with pytest.raises(UserError, match="info.csv has an unknown split, 'dev'"):
        list_performances(other, table, {"dev": []})


@pytest.mark.skipif(not os.path.exists(REAL), reason="needs the standard data")
def test_the_standard_table():
    table = find_table(REAL)
    counts = {split: len(rows) for split, rows in by_split(table).items()}
    assert counts == {"train": 897, "validation": 124, "test": 129}
    assert set(COLUMNS) <= set(rows(table)[0])
    assert {row["time_signature"] for row in rows(table)} == {
        "3-4",
        "4-4",
        "5-4",
        "5-8",
        "6-8",
    }
    # A file's name ends with its meter, which no program has changed.
    for row in rows(table):
        assert row["midi_filename"].endswith(f"_{row['time_signature']}.mid")
