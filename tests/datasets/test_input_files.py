import os
import zipfile

import pytest

from tests.datasets.tiny_files import write_files
from tfmusic.datasets.input_files import is_archive, list_files, list_sizes, read_file
from tfmusic.errors import UserError

FILES = {"b/two.mid": b"22", "a.mid": b"1", "b/three.txt": b"333"}


@pytest.fixture(params=["music", "music.zip"])
def path(request, tmp_path):
    return write_files(tmp_path / request.param, FILES)


def test_a_folder_and_a_zip_are_alike(path):
    assert list_files(path, lambda name: True) == ["a.mid", "b/three.txt", "b/two.mid"]
    found = list_files(path, lambda name: name.endswith(".mid"))
    assert found == ["a.mid", "b/two.mid"]
    assert [read_file(path, name) for name in found] == [b"1", b"22"]
    assert list_sizes(path) == [("a.mid", 1), ("b/three.txt", 3), ("b/two.mid", 2)]


def test_a_single_file(tmp_path):
    file = tmp_path / "song.mid"
    file.write_bytes(b"1234")
    assert list_files(str(file), lambda name: True) == ["song.mid"]
    assert read_file(str(file), "song.mid") == b"1234"
    assert list_sizes(str(file)) == [("song.mid", 4)]
    assert not is_archive(str(file))


def test_a_link_that_leads_nowhere(tmp_path):
    path = write_files(tmp_path / "music", FILES)
    (tmp_path / "music" / "c.mid").symlink_to("nowhere")
    assert ("c.mid", -1) in list_sizes(path)
    with pytest.raises(UserError, match="cannot read c.mid: No such file"):
        read_file(path, "c.mid")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_files_of_one_name_in_a_zip_the_last_counts(tmp_path):
    path = str(tmp_path / "music.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.mid", b"1")
        archive.writestr("a.mid", b"22")
    assert list_sizes(path) == [("a.mid", 2)]
    assert read_file(path, "a.mid") == b"22"


def test_what_a_system_adds_is_left_out(tmp_path):
    files = {
        **FILES,
        "__MACOSX/b/._two.mid": b"x",
        "b/.hidden.mid": b"x",
        ".git/x": b"",
    }
    path = write_files(tmp_path / "music.zip", files)
    assert list_files(path, lambda name: True) == sorted(FILES)


def test_what_is_missing_or_damaged_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot read .*nowhere"):
        list_files(str(tmp_path / "nowhere"), lambda name: True)
    with pytest.raises(UserError, match="cannot read .*missing.zip"):
        list_files(str(tmp_path / "missing.zip"), lambda name: True)
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match="cannot read .*bad.zip"):
        list_files(str(tmp_path / "bad.zip"), lambda name: True)
    path = write_files(tmp_path / "music", FILES)
    with pytest.raises(UserError, match="cannot read c.mid"):
        read_file(path, "c.mid")


def test_a_damaged_member_is_one_line(tmp_path):
    path = tmp_path / "music.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mid", bytes(range(256)) * 8)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match="cannot read a.mid"):
        read_file(str(path), "a.mid")


def test_a_huge_file_is_refused(tmp_path):
    path = write_files(tmp_path / "music.zip", {"big.mid": b"0" * 100_000})
    with pytest.raises(UserError, match="big.mid: more than 1,000 bytes"):
        read_file(path, "big.mid", most_bytes=1000)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "book.abc")
    with pytest.raises(UserError, match="cannot read book.abc: it is not a file"):
        read_file(str(tmp_path), "book.abc")
