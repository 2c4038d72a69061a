import os
import threading
import time

import pytest

from tfmusic.errors import UserError
from tfmusic.files import atomic_folder, atomic_path, check_writable, locked


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


def test_a_lock_has_one_holder_also_where_its_file_is_removed(tmp_path):
    path = tmp_path / "new" / "lock"
    inside, most, waiting = 0, 0, threading.Barrier(4)

    def hold():
        nonlocal inside, most
        waiting.wait()
        for _ in range(100):
            with locked(path):
                inside += 1
                most = max(most, inside)
                time.sleep(1e-4)
                inside -= 1
                os.remove(path)

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert os.listdir(path.parent) == []


def test_a_lock_that_a_file_system_does_not_have_is_not_waited_for(
    tmp_path, monkeypatch
):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*args):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock"), locked(tmp_path / "lock"):
        pass
