import os

import pytest

from tfmusic.errors import UserError
from tfmusic.files import atomic_folder, atomic_path, check_writable


def test_the_file_appears_when_the_block_ends_well(tmp_path):
    path = tmp_path / "new" / "song.txt"
    with atomic_path(path) as temporary:
        with open(temporary, "w") as file:
            file.write("la")
        assert not path.exists()
        assert temporary.endswith(".txt")
    assert path.read_text() == "la"
    assert os.listdir(path.parent) == ["song.txt"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "song.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="halfway"):
        with atomic_path(path) as temporary:
            with open(temporary, "w") as file:
                file.write("ne")
            raise ValueError("halfway")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["song.txt"]


def test_a_place_that_cannot_be_written_is_a_user_error(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "song.txt"):
        with pytest.raises(UserError, match="cannot write"):
            with atomic_path(path):
                pass


def test_a_folder_is_checked_before_it_is_made(tmp_path, monkeypatch):
    check_writable(tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file is not a folder"):
        check_writable(tmp_path / "file" / "b")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may do anything
    with pytest.raises(UserError, match="may not be written to"):
        check_writable(tmp_path / "a")


def fill(folder, text):
    os.makedirs(folder)
    with open(os.path.join(folder, "song.txt"), "w") as file:
        file.write(text)


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "new" / "songs"
    with atomic_folder(path) as temporary:
        fill(temporary, "la")
        assert not path.exists()
    (path / "other.txt").write_text("old")
    with atomic_folder(path) as temporary:
        fill(temporary, "li")
    assert os.listdir(path) == ["song.txt"]
    assert (path / "song.txt").read_text() == "li"
    assert os.listdir(path.parent) == ["songs"]


def test_a_failure_leaves_the_folder_that_was_there(tmp_path):
    fill(tmp_path / "songs", "old")
    with pytest.raises(ValueError, match="halfway"):
        with atomic_folder(tmp_path / "songs") as temporary:
            fill(temporary, "ne")
            raise ValueError("halfway")
    assert (tmp_path / "songs" / "song.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["songs"]


def test_a_folder_that_cannot_be_made_is_a_user_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        with atomic_folder(tmp_path / "file" / "songs"):
            pass
