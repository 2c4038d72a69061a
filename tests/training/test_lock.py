import os
import socket

import pytest

from tfmusic.errors import UserError
from tfmusic.training.lock import has_locks, run_lock


def test_a_second_training_is_told_who_holds_the_folder(tmp_path):
    with run_lock(str(tmp_path)):
        (tmp_path / "config.json").touch()
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        with (
            pytest.raises(UserError, match=f"is being trained by {holder}: ") as error,
            run_lock(str(tmp_path)),
        ):
            pass
        assert "\n" not in str(error.value)
    with run_lock(str(tmp_path)):
        pass
    assert os.listdir(tmp_path) == ["config.json"]


def test_what_a_killed_process_left_is_no_lock(tmp_path):
    (tmp_path / ".lock").write_text("process 1 on another.host\n")
    with run_lock(str(tmp_path)):
        assert f"process {os.getpid()} " in (tmp_path / ".lock").read_text()


def test_an_error_lets_go_and_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError), run_lock(str(tmp_path / "run")):
        raise ValueError
    assert not os.listdir(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write .*file"):
        with run_lock(str(tmp_path / "file" / "run")):
            pass


def test_a_bucket_has_no_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert has_locks("run") and not has_locks("gs://bucket/run")
    with run_lock("gs://bucket/run"):
        assert not os.listdir()
