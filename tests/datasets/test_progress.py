import io

from tfmusic.datasets import progress


def test_lines_say_how_far_and_how_long(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    lines = []
    for item in progress.with_progress(range(40), "files read", lines.append, 100, 60):
        now[0] += 3.0 if item else 60.0  # the first one waits for processes to start
    assert lines[0] == "  61 of 100 files read, 39 min left"
    assert lines[1] == "  63 of 100 files read, 14 min left"
    assert lines[-1] == "  99 of 100 files read, 4 s left"
    assert len(lines) == 20


def test_what_is_quick_says_nothing():
    lines = []
    assert [*progress.with_progress([1, 2], "files", lines.append)] == [1, 2]
    assert lines == []


def test_a_person_sees_a_bar(monkeypatch, capsys):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    screen = Screen()
    monkeypatch.setattr(progress.sys, "stderr", screen)
    items = progress.with_progress([1, 2], "files read", progress.print_line, 4, 2)
    assert [*items] == [1, 2]
    assert "files read" in screen.getvalue() and "2/4" in screen.getvalue()


def test_durations_are_told_in_words():
    assert progress._duration(89) == "89 s"
    assert progress._duration(91) == "2 min"
