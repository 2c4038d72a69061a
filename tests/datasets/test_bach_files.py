import dataclasses
import os
import sys

import pytest

from tfmusic.datasets import arrangement
from tfmusic.datasets.bach_chorales import BachChorales
from tfmusic.datasets.bach_files import list_chorales
from tfmusic.datasets.corpus import find_corpus
from tfmusic.datasets.kinship import passages
from tfmusic.datasets.reading import Reading
from tfmusic.datasets.workers import Workers
from tfmusic.music import read_sequence
from tfmusic.music.limits import Limits
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers.grid import sequence_to_grid


@dataclasses.dataclass
class Source:
    """What a folder's chorales came to."""

    pieces: dict[str, dict]
    report: dict


def read_chorales(folder, scratch, log=lambda line: None):
    listing = list_chorales(folder, "a folder")
    options = (str(scratch / "reading"), "key", Limits())
    reading = Reading(listing, BachChorales.reader, *options)
    with Workers() as workers:
        reading.run("bach_chorales", log, workers)
    found = [piece for outcome in reading.outcomes() for piece in outcome.pieces]
    arranged = arrangement.arrange(BachChorales.arranger, found)
    pieces = {split: {} for split in ("train", "validation", "test")}
    for piece in found:
        if split := arranged.splits.get(piece.name):
            pieces[split][piece.name] = NoteSequence.FromString(piece.data)
    report = arrangement.report(listing, reading.outcomes(), arranged)
    return Source(pieces, report)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return read_chorales(find_corpus("bach"), tmp_path_factory.mktemp("bach"))


def grids_of(source, split):
    return {name: sequence_to_grid(x) for name, x in source.pieces[split].items()}


def test_every_file_is_accounted_for(source):
    num_pieces = sum(map(len, source.pieces.values()))
    report = source.report["files"]
    assert report["given"] == report["read"] + len(report["skipped"])
    assert report["read"] == num_pieces + len(source.report["duplicates_removed"])
    assert num_pieces > 350
    assert all("parts, not 4" in reason for reason in report["skipped"].values())


def test_splits_are_about_eight_to_one_to_one(source):
    sizes = {split: len(pieces) for split, pieces in source.pieces.items()}
    total = sum(sizes.values())
    assert sizes["train"] > 0.7 * total
    assert 0.07 * total < sizes["validation"] < 0.15 * total
    assert 0.07 * total < sizes["test"] < 0.15 * total


def test_no_music_is_in_two_splits(source):
    names = [name for pieces in source.pieces.values() for name in pieces]
    assert len(names) == len(set(names))
    seen = [
        set().union(*map(passages, grids_of(source, split).values()))
        for split in source.pieces
    ]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


def test_known_kin(source):
    # Two files of one chorale; the Leipzig and the Weimar version, a tone apart.
    assert source.report["duplicates_removed"] == {
        "bwv274": "bwv62.6",
        "bwv398": "bwv197.7-a",
    }
    assert ["bwv18.5-lz", "bwv18.5-w"] in source.report["groups"]


def test_pieces_are_four_voices_within_the_vocabulary(source):
    for split in source.pieces:
        for name, grid in grids_of(source, split).items():
            pitches = grid[grid >= 0]
            assert 36 <= pitches.min() and pitches.max() <= 81, name
            assert ((grid >= 0).sum(axis=0) > len(grid) / 2).all(), name


def test_a_familiar_beginning(source):
    pieces = {k: v for split in source.pieces.values() for k, v in split.items()}
    # Christus, der ist mein Leben (BWV 281), in F: the upbeat and the first bar.
    soprano = [note.pitch for note in pieces["bwv281"].notes if note.part == 0]
    assert soprano[:6] == [65, 69, 67, 69, 70, 72]


def test_the_split_of_a_group_is_that_of_its_least_name(source):
    splits = {name: split for split in source.pieces for name in source.pieces[split]}
    for group in source.report["groups"]:
        of_group = {splits[name] for name in group if name in splits}
        assert of_group == {arrangement.split_of(min(group))}


def test_a_bad_file_is_skipped_by_name_with_its_reason(tmp_path, source):
    with open(os.path.join(find_corpus("bach"), "bwv66.6.mxl"), "rb") as file:
        data = file.read()
    (tmp_path / "good.mxl").write_bytes(data)
    (tmp_path / "short.mxl").write_bytes(data[:1000])
    (tmp_path / "empty.xml").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no music")
    lines = []
    source = read_chorales(str(tmp_path), tmp_path, lines.append)
    files = source.report["files"]
    assert files["given"] == 3
    assert set(files["skipped"]) == {"short.mxl", "empty.xml"}
    assert "empty" in files["skipped"]["empty.xml"]
    names = [name for pieces in source.pieces.values() for name in pieces]
    assert names == ["good"]
    assert len(lines) == 1 and "3 files of a folder" in lines[0]
    good = next(pieces["good"] for pieces in source.pieces.values() if pieces)
    assert list(good.notes) == list(read_sequence(tmp_path / "good.mxl").notes)


def test_music21_is_found_without_being_imported(source):
    assert "music21" not in sys.modules
