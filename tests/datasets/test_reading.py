"""Reading that is killed goes on where it was."""

import dataclasses
import os

import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets import reading as reading_module
from tfmusic.datasets.midi_folder_files import list_music
from tfmusic.datasets.reading import ITEMS_PER_FILE, Reading, Task, read_item
from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.datasets.workers import Workers
from tfmusic.errors import UserError
from tfmusic.music.limits import Limits
from tfmusic.music.note_sequence import NoteSequence

MODULE = "tests.datasets.test_reading"
READER = f"{MODULE}:read_number"


def read_number(item):
    """A piece of as many notes as the item says."""
    number = int(item.location[0])
    if number % 10 == 7:
        raise UserError("sevens are not music")
    sequence = NoteSequence(total_time=number)
    for pitch in range(number):
        sequence.notes.add(pitch=pitch % 128, velocity=80, start_time=0, end_time=1)
    return [Piece(item.name, sequence, "train")]


def read_endlessly(item):
    while True:
        pass


def read_hugely(item):
    return bytearray(2**31)


def listing(count=40):
    items = [Item(f"number {n}", (str(n),)) for n in range(count)]
    return Listing("numbers", items, unit="numbers")


def make(folder, count=40, key="a", reader=READER):
    return Reading(listing(count), reader, str(folder), key, Limits())


def run(reading, num_workers=1):
    lines = []
    with Workers(num_workers) as workers:
        reading.run("numbers", lines.append, workers)
    return lines


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("num_workers", [1, 2])
def test_every_item_has_an_outcome_in_order(tmp_path, num_workers):
    reading = make(tmp_path / "reading")
    assert run(reading, num_workers)[0] == "numbers: reading 40 numbers of numbers"
    outcomes = list(reading.outcomes())
    assert [outcome.item for outcome in outcomes] == [f"number {n}" for n in range(40)]
    for number, outcome in enumerate(outcomes):
        if number % 10 == 7:
            assert outcome.reason == "sevens are not music" and not outcome.pieces
            continue
        (piece,) = outcome.pieces
        assert outcome.reason is None
        assert (piece.name, piece.split, piece.group) == (
            f"number {number}",
            "train",
            f"number {number}",
        )
        assert (piece.num_notes, piece.seconds) == (number, number)
        assert len(NoteSequence.FromString(piece.data).notes) == number
    about = list(reading.outcomes(data=False))
    assert about == [outcome.without_data() for outcome in outcomes]
    assert not any(piece.data for outcome in about for piece in outcome.pieces)


def test_a_killed_reading_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch):
    whole = make(tmp_path / "whole")
    run(whole)

    class Killed(BaseException):
        pass

    read = reading_module.read_item

    def killed(task):
        if task.item.location[0] == "20":
            raise Killed
        return read(task)

    monkeypatch.setattr(reading_module, "read_item", killed)
    with pytest.raises(Killed):
        run(make(tmp_path / "broken"))
    assert len(list((tmp_path / "broken").glob("*.pickle"))) == 20 // ITEMS_PER_FILE

    asked = []

    def counted(task):
        asked.append(int(task.item.location[0]))
        return read(task)

    monkeypatch.setattr(reading_module, "read_item", counted)
    lines = run(make(tmp_path / "broken"))
    assert lines == ["numbers: reading 40 numbers of numbers, 16 of them read before"]
    assert asked == list(range(16, 40))
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_another_reading_starts_anew(tmp_path, monkeypatch):
    folder = tmp_path / "reading"
    run(make(folder))
    (folder / ".000003.pickle.abc").mkdir()  # what a kill leaves
    for other in (make(folder, key="b"), make(folder, count=39)):
        assert "before" not in run(other)[0]
        assert len(list(other.outcomes())) in (39, 40)
    assert not (folder / ".000003.pickle.abc").exists()


def test_limits_hold_for_each_item():
    item = Item("endless", ("",))
    with pytest.raises(UserError, match="longer than 0.2 seconds"):
        read_item(Task(f"{MODULE}:read_endlessly", item, Limits(seconds=0.2)))
    with pytest.raises(UserError, match="more than 64 MiB"):
        read_item(Task(f"{MODULE}:read_hugely", item, Limits(memory=2**26)))


def test_the_reader_of_a_folder(tmp_path):
    files = {"a.mid": midi(60, 64), "b.mid": b"no music", "c.mid": midi(60, 64)}
    path = write_files(tmp_path / "music", files)
    found = Reading(
        list_music(path),
        "tfmusic.datasets.midi_folder_files:read_music",
        str(tmp_path / "reading"),
        "key",
        Limits(),
    )
    run(found)
    a, b, c = found.outcomes()
    assert "b.mid" in b.reason and os.sep not in b.reason
    assert a.pieces[0].digest == c.pieces[0].digest


def test_digests_are_made_where_they_are_needed():
    task = Task(READER, Item("three", ("3",)), Limits())
    (piece,) = read_item(task)
    assert piece.digest
    (piece,) = read_item(dataclasses.replace(task, compare=False))
    assert piece.digest is None
