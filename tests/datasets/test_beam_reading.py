"""The same shards from Apache Beam's local runner as from this package's processes."""

import importlib.util

import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.midi_folder import MidiFolder
from tfmusic.datasets.piece_builder import Work
from tfmusic.errors import UserError

HAS_BEAM = importlib.util.find_spec("apache_beam") is not None


def make(tmp_path, name, files):
    return MidiFolder(
        input=write_files(tmp_path / "music.zip", files),
        data_dir=str(tmp_path / name),
        log=lambda line: None,
    )


@pytest.mark.skipif(HAS_BEAM, reason="Apache Beam is installed")
def test_without_beam_one_line_says_what_to_install(tmp_path):
    builder = make(tmp_path, "data", {"a.mid": midi(60)})
    with pytest.raises(UserError, match=r"pip install 'tfmusic\[beam\]'"):
        builder.prepare(Work(runner="DirectRunner"))
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(not HAS_BEAM, reason="needs Apache Beam")
@pytest.mark.filterwarnings("ignore")  # Beam's own
def test_the_local_runner_writes_the_same_bytes(tmp_path):
    files = {f"{n}.mid": midi(40 + n, 60, 90 - n) for n in range(40)}
    files |= {"bad.mid": b"no music", "copy.mid": files["3.mid"]}
    trees = []
    for name, runner in (("beam", "DirectRunner"), ("here", None)):
        builder = make(tmp_path, name, files)
        builder.prepare(Work(runner=runner))
        report = builder.report()
        assert report["files"]["given"] == 42
        assert list(report["files"]["skipped"]) == ["bad.mid"]
        assert report["duplicates_removed"] == {"copy.mid": "3.mid"}
        trees.append(
            {
                str(path.relative_to(tmp_path / name)): path.read_bytes()
                for path in (tmp_path / name).rglob("*")
                if path.is_file()
            }
        )
    assert trees[0] == trees[1]


@pytest.mark.skipif(not HAS_BEAM, reason="needs Apache Beam")
def test_an_unknown_runner_is_one_line(tmp_path):
    builder = make(tmp_path, "data", {"a.mid": midi(60)})
    with pytest.raises(UserError, match="--runner=Nobody: "):
        builder.prepare(Work(runner="Nobody"))
