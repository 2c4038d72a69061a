import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.midi_folder import MidiFolder
from tfmusic.errors import UserError


def prepared(path, tmp_path):
    builder = MidiFolder(
        input=path, data_dir=str(tmp_path / "data"), log=lambda line: None
    )
    builder.prepare()
    return builder


def names(builder):
    return {
        split: [
            example["id"].decode()
            for example in builder.as_dataset(split=split).as_numpy_iterator()
        ]
        for split in ("train", "validation", "test")
    }


def test_files_are_split_by_their_notes(tmp_path):
    music = {f"{pitch}.mid": midi(pitch, pitch + 3) for pitch in range(40, 60)}
    moved = {f"{index}/x.mid": data for index, data in enumerate(music.values())}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = names(prepared(write_files(tmp_path / "one.zip", music), tmp_path / "a"))
    other = names(prepared(write_files(tmp_path / "other", moved), tmp_path / "b"))
    new_names = dict(zip(music, moved, strict=True))
    assert sum(map(len, one.values())) == 20
    for split in one:
        assert sorted(new_names[name] for name in one[split]) == sorted(other[split])


def test_bad_files_and_copies_are_in_the_report(tmp_path):
    music = {f"{pitch}.mid": midi(pitch, pitch + 3) for pitch in range(40, 60)}
    files = {**music, "copy of 40.mid": music["40.mid"], "bad.mid": b"MThd"}
    builder = prepared(write_files(tmp_path / "set", files), tmp_path)
    report = builder.report()
    assert report["files"]["given"] == 22
    assert report["files"]["read"] == 21
    assert list(report["files"]["skipped"]) == ["bad.mid"]
    assert report["duplicates_removed"] == {"copy of 40.mid": "40.mid"}
    assert sum(split["pieces"] for split in report["splits"].values()) == 20


def test_too_little_music_for_three_splits_is_one_line(tmp_path):
    (tmp_path / "one.mid").write_bytes(midi(60))
    with pytest.raises(UserError, match="give more music"):
        prepared(str(tmp_path / "one.mid"), tmp_path)
