"""What is restored of a folder of checkpoints, whatever has happened to it."""

import os
import resource
import signal

import numpy as np
import pytest
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.training.checkpoints import Checkpoints


class Thing(tf.Module):
    """Stands for a model, or an optimizer."""

    def __init__(self, *shape):
        super().__init__()
        self.value = tf.Variable(tf.zeros(shape))


def make(folder, shape=(50,), **options):
    return Checkpoints(Thing(*shape), Thing(), str(folder), **options)


def value(checkpoints):
    return checkpoints._checkpoint.model.value


@pytest.fixture
def folder(tmp_path):
    """With checkpoints of steps 10 and 20, whose values are their steps."""
    checkpoints = make(tmp_path)
    for step in 5, 10, 20:
        value(checkpoints).assign(tf.fill([50], float(step)))
        checkpoints.save(step)
    return tmp_path


def restored(folder, **options):
    """The step, what the values are, and the warnings."""
    checkpoints = make(folder, **options)
    lines = []
    step = checkpoints.restore(lines.append)
    return step, *np.unique(value(checkpoints).numpy()), lines


def names(folder):
    return sorted(os.listdir(folder / "checkpoints"))


def of(*steps):
    files = ("data-00000-of-00001", "index")
    return sorted(
        ["checkpoint"] + [f"ckpt-{s}.{file}" for s in steps for file in files]
    )


def test_the_newest_is_restored_and_two_are_kept(folder):
    assert restored(folder) == (20, 20.0, [])
    assert names(folder) == of(10, 20)
    latest = tf.train.latest_checkpoint(str(folder / "checkpoints"))
    assert latest == str(folder / "checkpoints" / "ckpt-20")


def test_no_checkpoint_is_step_0(tmp_path):
    assert restored(tmp_path) == (0, 0.0, [])
    assert not os.listdir(tmp_path)


def test_what_a_checkpoint_manager_wrote_is_restored(tmp_path):
    model = Thing(50)
    model.value.assign(tf.ones([50]))
    checkpoint = tf.train.Checkpoint(model=model, optimizer=Thing())
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "checkpoints"), 2)
    manager.save(checkpoint_number=7)
    assert restored(tmp_path) == (7, 1.0, [])


def flip(content, position):
    content = bytearray(content)
    content[position] ^= 0xFF
    return bytes(content)


def damages():
    yield "data-00000-of-00001", None
    yield "data-00000-of-00001", lambda content: b""
    yield "data-00000-of-00001", lambda content: content[:-9]
    yield "index", None
    yield "index", lambda content: b""
    yield "index", lambda content: b"nothing"
    yield "index", lambda content: content[: len(content) // 2]
    for part in np.linspace(0, 0.99, 7):
        for suffix in "index", "data-00000-of-00001":
            yield (
                suffix,
                lambda content, part=part: flip(content, int(part * len(content))),
            )


def damage(folder, step, suffix, change):
    path = folder / "checkpoints" / f"ckpt-{step}.{suffix}"
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("suffix, change", list(damages()))
def test_a_damaged_one_is_left_out_with_a_line(folder, suffix, change):
    damage(folder, 20, suffix, change)
    step, content, lines = restored(folder)
    if lines:
        assert (step, content) == (10, 10.0)
        (line,) = lines
        assert "ckpt-20 is damaged (" in line and "\n" not in line
    else:  # a byte that nothing depends on
        assert change and (step, content) == (20, 20.0)


def test_a_damaged_one_is_not_the_second_that_is_kept(folder):
    damage(folder, 20, "index", None)
    checkpoints = make(folder)
    assert checkpoints.restore(lambda line: None) == 10
    checkpoints.save(12)
    assert names(folder) == of(10, 12)


def test_a_damaged_one_is_written_again(folder):
    damage(folder, 20, "index", lambda content: b"")
    checkpoints = make(folder)
    checkpoints.restore(lambda line: None)
    checkpoints.save(20)
    assert restored(folder) == (20, 10.0, [])
    assert names(folder) == of(10, 20)


def test_when_all_are_damaged_a_line_says_so(folder):
    for step in 10, 20:
        damage(folder, step, "index", None)
    with pytest.raises(UserError, match="no checkpoint that is whole: remove it"):
        restored(folder)


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
def test_a_first_one_that_was_cut_short_is_none(tmp_path, suffix):
    make(tmp_path).save(5)
    (tmp_path / "checkpoints" / "checkpoint").unlink()  # which is written last
    assert restored(tmp_path)[0] == 5
    damage(tmp_path, 5, suffix, None)
    assert restored(tmp_path) == (0, 0.0, [])


@pytest.mark.parametrize("changes", [{"shape": (49,)}, {"average": Thing()}])
def test_anothers_is_an_error_and_no_reason_to_fall_back(folder, changes):
    with pytest.raises(UserError, match="ckpt-20 does not hold this run's model"):
        restored(folder, **changes)
    assert names(folder) == of(10, 20)


def test_what_a_kill_left_is_removed_by_the_next(folder):
    scratch = folder / "checkpoints" / ".ckpt-30"
    scratch.mkdir()
    (scratch / "ckpt-30.index").touch()
    (folder / "checkpoints" / "ckpt-30.data-00000-of-00001").touch()
    checkpoints = make(folder)
    assert checkpoints.restore(lambda line: None) == 20
    checkpoints.save(25)
    assert names(folder) == of(20, 25)


def test_a_worker_that_is_not_the_chief_leaves_nothing(folder):
    checkpoints = make(folder, is_chief=False)
    assert checkpoints.restore() == 20
    checkpoints.save(30)
    assert names(folder) == of(10, 20)


@pytest.fixture
def small_files():
    """Files can't grow past 500 bytes: a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN  # Python's default
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_a_line_and_the_others_stay(folder, small_files):
    checkpoints = make(folder, shape=(50, 50))
    small_files()
    with pytest.raises(UserError, match=r"cannot write .*: File too large; ") as error:
        checkpoints.save(30)
    assert "\n" not in str(error.value)
    assert restored(folder) == (20, 20.0, [])


def test_a_lost_folder_is_a_line(folder):
    checkpoints = make(folder)
    (folder / "checkpoints").rename(folder / "gone")
    (folder / "checkpoints").touch()
    with pytest.raises(UserError, match="cannot write .*/checkpoints: "):
        checkpoints.save(30)
