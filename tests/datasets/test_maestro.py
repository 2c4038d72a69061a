import pytest

from tests.datasets.test_maestro_files import FILES
from tests.datasets.tiny_files import write_files
from tfmusic.datasets.maestro import Maestro
from tfmusic.datasets.maestro_files import VERSIONS
from tfmusic.datasets.registry import get_dataset
from tfmusic.errors import UserError


def builder(path, tmp_path, config=None):
    return Maestro(
        input=path,
        data_dir=str(tmp_path / "data"),
        config=config,
        log=lambda line: None,
    )


def test_every_version_is_a_config_the_newest_first():
    assert tuple(config.name for config in Maestro.BUILDER_CONFIGS) == VERSIONS
    assert get_dataset("maestro").configs == VERSIONS
    assert VERSIONS[0] == "v3.0.0"


def test_prepared_splits_are_the_table_s(tmp_path):
    path = write_files(tmp_path / "maestro.zip", FILES)
    prepared = builder(path, tmp_path)
    prepared.prepare()
    found = {
        split: [
            example["id"].decode()
            for example in prepared.as_dataset(split=split).as_numpy_iterator()
        ]
        for split in ("train", "validation", "test")
    }
    assert found == {
        "train": ["2018/b.midi"],
        "validation": ["2004/a.midi"],
        "test": ["2004/c.midi"],
    }
    report = prepared.report()
    assert report["dataset"] == "maestro/v3.0.0"
    assert report["files"] == {"given": 3, "read": 3, "skipped": {}}


def test_a_config_reads_its_own_version(tmp_path):
    path = write_files(tmp_path / "maestro", FILES)
    names = [item.name for item in builder(path, tmp_path, "v2.0.0").list_items().items]
    assert names == ["2004/a.midi", "2018/old.midi"]


def test_missing_files_stop_it_before_anything_is_written(tmp_path):
    files = {name: data for name, data in FILES.items() if "/b.midi" not in name}
    path = write_files(tmp_path / "part", files)
    with pytest.raises(UserError, match="1 of the 3 files .* the first is 2018/b.midi"):
        builder(path, tmp_path).prepare()
    assert not list(tmp_path.glob("data/**/*.tfrecord*"))
