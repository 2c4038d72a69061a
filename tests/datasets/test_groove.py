import os

import pytest
import tensorflow_datasets as tfds

from tests.datasets.test_groove_files import FILES, PUBLISHED
from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.groove import Groove, rows_by_split
from tfmusic.datasets.groove_files import Table, find_table
from tfmusic.errors import UserError

REAL = os.path.join(os.path.dirname(__file__), "../../../shared/data/groove-midi.zip")


def groove(path, tmp_path):
    return Groove(input=path, data_dir=str(tmp_path / "data"), log=lambda line: None)


def test_rows_are_those_of_tensorflow_datasets():
    rows = rows_by_split(Table("info.csv", PUBLISHED))
    assert [row["id"] for row in rows["train"]] == ["drummer1/s/10"]
    assert [row["id"] for row in rows["test"]] == ["drummer1/s/2"]


def test_the_name_stays_tensorflow_datasets_own(tmp_path):
    assert Groove.name == "groove"
    assert tfds.builder_cls("groove") is not Groove
    assert issubclass(tfds.builder_cls("groove"), tfds.core.GeneratorBasedBuilder)


@pytest.mark.parametrize(
    ("old", "new"), [("drummer1,", "drummer11,"), ("4-4", "7-8"), ("rock", "polka")]
)
def test_a_label_that_it_does_not_know_is_one_line(old, new):
    with pytest.raises(UserError, match=f"info.csv: .* has '{new.strip(',')}', which"):
        rows_by_split(Table("info.csv", PUBLISHED.replace(old, new)))


def test_prepared_shards_hold_the_drums(tmp_path):
    row = "drummer9,drummer9/s,drummer9/s/1,jazz,99,beat,3-4,drummer9/s/1.mid,{}\n"
    files = {
        **FILES,
        "groove/info.csv": PUBLISHED + row.format("validation"),
        "groove/drummer9/s/1.mid": midi(51, channel=9),
    }
    builder = groove(write_files(tmp_path / "groove.zip", files), tmp_path)
    builder.prepare()
    report = builder.report()
    assert report["dataset"] == "groove"
    assert report["files"] == {"given": 3, "read": 3, "skipped": {}}
    found = {
        split: [
            example["id"].decode()
            for example in builder.as_dataset(split=split).as_numpy_iterator()
        ]
        for split in ("train", "validation", "test")
    }
    assert found == {
        "train": ["drummer1/s/10"],
        "validation": ["drummer9/s/1"],
        "test": ["drummer1/s/2"],
    }


@pytest.mark.skipif(not os.path.exists(REAL), reason="needs the standard data")
def test_the_official_splits(tmp_path):
    splits = [item.split for item in groove(REAL, tmp_path).list_items().items]
    found = [splits.count(split) for split in ("train", "validation", "test")]
    assert found == [897, 124, 129]
    assert find_table(REAL).name == "info.csv"
