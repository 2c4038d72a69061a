import dataclasses
import json
import os

import numpy as np
import pytest

from tfmusic.datasets import registry
from tfmusic.datasets.bach_chorales import BachChorales
from tfmusic.datasets.jsb_chorales import JsbChorales
from tfmusic.datasets.pieces import EncodingTask, Pieces, encode, load_pieces
from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers import (
    ChoraleTokenizer,
    get_tokenizer,
    tokenizer_from_json,
)
from tfmusic.tokenizers.grid import grid_to_sequence

TOKENIZER = ChoraleTokenizer()
REST, C4, G3, E3, C2 = 3, 28, 23, 20, 4  # ids: 4 is C2
GRIDS = {
    "train": [[[60, 55, 52, 36]] * 2, [[-1, 55, 52, 36], [60, 55, -1, 36]]],
    "valid": [[[60, 55, 52, 36]] * 3],
    "test": [[[60, 55, 52, 36]] * 4],
}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "jsb.json").write_text(json.dumps(GRIDS))
    return str(tmp_path / "jsb.json")


def read_grid(item):
    """The piece of an item of the fixture below."""
    split, grid = json.loads(item.location[0])
    return [Piece(item.name, grid_to_sequence(grid), split)]


@pytest.fixture
def built_in(monkeypatch):
    """Sets the training pieces of bach_chorales, by their names."""

    def set_pieces(**grids):
        def list_items(builder):
            chord = [[60, 55, 52, 36]]
            others = {"one": ("validation", chord), "two": ("test", chord)}
            train = {name: ("train", grid) for name, grid in grids.items()}
            items = (train | others).items()
            items = [Item(name, (json.dumps(place),)) for name, place in items]
            return Listing("here", items)

        monkeypatch.setattr(BachChorales, "list_items", list_items)
        reader = "tests.datasets.test_pieces:read_grid"
        monkeypatch.setattr(BachChorales, "reader", reader)
        arranger = "tfmusic.datasets.arrangement:by_group"
        monkeypatch.setattr(BachChorales, "arranger", arranger)

    return set_pieces


def test_ids_of_all_pieces_in_order(path, tmp_path):
    pieces = load_pieces("jsb_chorales", "train", TOKENIZER, str(tmp_path), path)
    assert len(pieces) == 2
    assert pieces.names == ["train_000", "train_001"]
    assert pieces.piece(0).tolist() == [C4, G3, E3, C2] * 2
    assert pieces.piece(1).tolist() == [REST, G3, E3, C2, C4, G3, REST, C2]
    assert pieces.offsets.tolist() == [0, 8, 16]
    assert pieces.num_tokens == len(pieces.ids) == 16
    assert pieces.num_notes.tolist() == [4, 4]
    assert pieces.seconds.tolist() == [0.25, 0.25]
    types = (pieces.ids.dtype, pieces.offsets.dtype, pieces.num_notes.dtype)
    assert types == (np.uint16, np.int64, np.int64)
    assert pieces.piece(0).dtype == np.int32


def test_some_pieces_are_taken_from_all_over_the_split():
    lengths = [2, 3, 1, 4, 2, 5, 1]
    pieces = Pieces(
        ids=np.arange(18, dtype=np.uint16),
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        names=list("abcdefg"),
        num_notes=np.array(lengths),
        seconds=np.array(lengths) / 2,
    )
    some = pieces.spread(3)
    assert some.names == ["a", "c", "e"]
    assert [some.piece(index).tolist() for index in range(3)] == [[0, 1], [5], [10, 11]]
    assert (some.ids.dtype, some.offsets.dtype) == (np.uint16, np.int64)
    assert some.num_notes.tolist() == [2, 1, 2]
    assert some.seconds.tolist() == [1.0, 0.5, 1.0]
    assert pieces.spread(1).names == ["a"]
    assert pieces.take([5, 1]).names == ["f", "b"]
    assert pieces.spread(7) is pieces.spread(100) is pieces


def test_checksums_tell_the_ids(path, tmp_path):
    report = registry.prepare("jsb_chorales", str(tmp_path), path, TOKENIZER)
    pieces = load_pieces("jsb_chorales", "train", TOKENIZER, str(tmp_path))
    assert report["splits"]["train"]["ids_sha256"] == pieces.sha256
    as_int32 = dataclasses.replace(pieces, ids=pieces.ids.astype(np.int32))
    assert as_int32.sha256 == pieces.sha256
    other = dataclasses.replace(pieces, ids=pieces.ids[::-1])
    assert other.sha256 != pieces.sha256


def test_once_prepared_no_input_is_needed(path, tmp_path, monkeypatch):
    load_pieces("jsb_chorales", "train", TOKENIZER, str(tmp_path), path)
    monkeypatch.setattr(JsbChorales, "list_items", None)
    pieces = load_pieces("jsb_chorales", "validation", TOKENIZER, str(tmp_path))
    assert pieces.num_tokens == 12


def test_the_tokenizer_is_kept_beside_the_ids(path, tmp_path):
    report = registry.prepare("jsb_chorales", str(tmp_path), path, TOKENIZER)
    assert os.path.basename(report["tokens_dir"]) == f"tokens-{TOKENIZER.hash}"
    with open(os.path.join(report["tokens_dir"], "tokenizer.json")) as file:
        assert tokenizer_from_json(file.read()).hash == TOKENIZER.hash


def test_what_is_saved_is_what_is_loaded(tmp_path):
    for names in ([], ["bwv1", "étude"]):
        pieces = Pieces(
            ids=np.arange(4 * len(names), dtype=np.int32),
            offsets=4 * np.arange(len(names) + 1, dtype=np.int64),
            names=names,
            num_notes=np.ones(len(names), np.int64),
            seconds=np.full(len(names), 0.5),
            skipped={"bwv2": "too many voices"},
        )
        path = str(tmp_path / "pieces.npz")
        pieces.save(path)
        back = Pieces.load(path)
        for field in dataclasses.fields(Pieces):
            value, other = getattr(pieces, field.name), getattr(back, field.name)
            assert type(value) is type(other)
            np.testing.assert_array_equal(value, other)


def test_a_built_in_set_prepares_itself_with_one_line(tmp_path, built_in, capfd):
    built_in(first=[[60, 55, 52, 36]])
    pieces = load_pieces("bach_chorales", "train", TOKENIZER, str(tmp_path))
    assert pieces.names == ["first"] and pieces.num_tokens == 4
    load_pieces("bach_chorales", "validation", TOKENIZER, str(tmp_path))
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err.splitlines() == [
        "bach_chorales: reading 3 files of here"
    ]


def test_a_piece_without_ids_is_skipped_with_its_reason(tmp_path, built_in):
    built_in(high=[[100, 55, 52, 36]], fine=[[60, 55, 52, 36]])
    pieces = load_pieces("bach_chorales", "train", TOKENIZER, str(tmp_path))
    assert pieces.names == ["fine"]
    report = registry.prepare("bach_chorales", str(tmp_path))
    assert report["splits"]["train"]["not_encoded"] == pieces.skipped
    assert "pitch 100" in pieces.skipped["high"]


def test_a_piece_whose_notes_all_get_lost_is_skipped():
    sequence = NoteSequence()
    sequence.notes.add(pitch=36, velocity=90, end_time=0.5, is_drum=True)
    data = sequence.SerializeToString()
    for name in ("chorale", "melody", "remi"):
        text = get_tokenizer(name).to_json()
        with pytest.raises(UserError, match="none of its 1 notes has an id"):
            encode(EncodingTask(data, text))
    for tokenizer in (get_tokenizer("multitrack"), get_tokenizer("remi", drums=True)):
        ids, num_notes, _ = encode(EncodingTask(data, tokenizer.to_json()))
        assert len(ids) and num_notes == 1


def test_no_ids_at_all_is_a_user_error(tmp_path, built_in):
    built_in(high=[[100, 55, 52, 36]])
    with pytest.raises(UserError, match="can't encode any piece .* high: pitch 100"):
        load_pieces("bach_chorales", "train", TOKENIZER, str(tmp_path))


def test_wrong_names_are_one_line(tmp_path):
    with pytest.raises(UserError, match="choose from train, validation, test"):
        load_pieces("bach_chorales", "valid", TOKENIZER, str(tmp_path))
    with pytest.raises(UserError, match="no data set is named 'bach'"):
        load_pieces("bach", "train", TOKENIZER, str(tmp_path))
    with pytest.raises(UserError, match=r"run python -m tfmusic.prepare --dataset=jsb"):
        load_pieces("jsb_chorales", "train", TOKENIZER, str(tmp_path))
