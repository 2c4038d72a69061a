"""The line that a training shows, by a clock that the test turns."""

import sys

import pytest

from tfmusic.training import progress


@pytest.fixture
def clock(monkeypatch):
    """A list of one number, the time in seconds."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_line(clock, capsys):
    line = progress.Progress(first_step=10, total_steps=310)
    clock[0] += 30  # compiling, which is not counted
    line.started()
    line.count(48_000)
    clock[0] += 40
    line.show(30, 1.23456)
    # 20 steps in 40 s: 280 more take 560 s
    assert capsys.readouterr().out == (
        "step 30/310  1.235 nats/token  1,200 tokens/s  9:20 left\n"
    )


def test_the_last_line_has_no_time_left(clock, capsys):
    line = progress.Progress(0, 4)
    clock[0] += 1
    line.show(4, 0.5)
    assert "  0:00 left\n" in capsys.readouterr().out


def test_nothing_trained_is_no_speed(clock):
    assert progress.Progress(4, 4).tokens_per_second == 0


@pytest.mark.parametrize("watched, seconds", [(False, 15), (True, 0.5)])
def test_a_line_is_due_now_and_then(clock, monkeypatch, watched, seconds):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: watched)
    line = progress.Progress(0, 100)
    clock[0] += 0.9 * seconds
    assert not line.is_due()
    clock[0] += 0.1 * seconds
    assert line.is_due()
    line.show(1, 1.0)
    assert not line.is_due()


def test_pauses_are_not_counted(clock):
    line = progress.Progress(0, 100)
    line.started()
    line.count(100)
    clock[0] += 2
    with line.paused():
        clock[0] += 1000
    assert line.tokens_per_second == 50


def test_on_a_terminal_the_line_is_rewritten(clock, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    line = progress.Progress(0, 100)
    clock[0] += 100
    line.show(1, 1.0)
    line.show(50, 1.0)
    line.say("short")
    line.say("next")
    first, second, said = capsys.readouterr().out.split("\r")
    assert first.startswith("step 1/100") and "165:00 left" in first
    assert second.startswith("step 50/100")
    assert len(second) >= len(first)  # nothing of the longer line remains
    said, after, end = said.split("\n")
    assert said.rstrip() == "short" and len(said) >= len(second.rstrip())
    assert (after, end) == ("next", "")


def test_a_worker_that_is_not_the_chief_says_nothing(clock, capsys):
    line = progress.Progress(0, 4, quiet=True)
    line.show(4, 0.5)
    line.say("done")
    assert capsys.readouterr().out == ""
