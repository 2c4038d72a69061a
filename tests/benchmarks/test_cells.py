import json

from benchmarks import cells

KEY = ("mixer", "length")


def test_rows_are_read_as_they_were_added(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert cells.read_rows(path, KEY) == {}
    first = {"mixer": "causal", "length": 8, "failed": "out of memory"}
    second = {"mixer": "causal", "length": 16, "seconds": 2.0}
    again = {"mixer": "causal", "length": 8, "seconds": 1.0}
    for row in first, second, again:
        cells.append_row(path, row)
    rows = cells.read_rows(path, KEY)
    assert rows == {("causal", 8): again, ("causal", 16): second}


def test_an_answer_is_what_was_measured(capsys):
    cells.answer(lambda length: {"seconds": length / 2}, {"length": 8})
    assert json.loads(capsys.readouterr().out) == {"seconds": 4.0}


def test_an_error_is_an_answer_of_one_line(capsys):
    def measure():
        raise ValueError("too\n  long")

    cells.answer(measure, {})
    assert json.loads(capsys.readouterr().out) == {"failed": "ValueError: too long"}


def test_a_cell_is_measured_in_a_process_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(
        "import json, sys\n"
        "cell = json.loads(sys.argv[1].removeprefix('--cell='))\n"
        "print('a note of a library')\n"
        "print(json.dumps({'seconds': cell['length'] * 2}))\n"
    )
    monkeypatch.setattr(cells, "ROOT", tmp_path)
    assert cells.run_cell("program", {"length": 3}) == {"seconds": 6}


def test_a_process_that_ends_is_a_result(tmp_path, monkeypatch):
    (tmp_path / "killed.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    (tmp_path / "exits.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(cells, "ROOT", tmp_path)
    assert cells.run_cell("killed", {}) == {"failed": "out of memory (signal 9)"}
    assert cells.run_cell("exits", {}) == {"failed": "ended with code 3"}
