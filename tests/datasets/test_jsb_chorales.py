import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from tfmusic.datasets.jsb_files import find_file, parse_grids, read_chorales
from tfmusic.datasets.registry import get_builder
from tfmusic.errors import UserError
from tfmusic.tokenizers import get_tokenizer
from tfmusic.tokenizers.grid import sequence_to_grid

REAL = os.path.join(os.path.dirname(__file__), "../../../shared/data/jsb.zip")

# G major, then a bar in which the alto rests; a rest at the end counts.
SMALL = {
    "train": [
        [[74, 71, 67, 55]] * 4 + [[72, -1, 67, 48]] * 4,
        [[60, 55, 52, 36], [-1, -1, -1, -1]],
    ],
    "valid": [[[81, 76, 69, 57]] * 3],
    "test": [[[67, 62, 59, 43]] * 5],
}


def as_npz(data):
    """The form of the standard .npz: object arrays of float16, NaN for rests."""
    arrays = {}
    for key, pieces in data.items():
        arrays[key] = np.empty(len(pieces), object)
        for index, piece in enumerate(pieces):
            grid = np.array(piece, np.float16)
            arrays[key][index] = np.where(grid < 0, np.float16("nan"), grid)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def read(path, folder):
    builder = get_builder("jsb_chorales", str(folder / "data"), str(path))
    (item,) = builder.list_items().items
    grids = {"train": [], "validation": [], "test": []}
    for piece in read_chorales(item):
        grids[piece.split].append(sequence_to_grid(piece.sequence).tolist())
    return grids


@pytest.fixture(params=["json", "npz", "zip of json", "folder of npz", "zip of both"])
def path(request, tmp_path):
    contents = {"json": json.dumps(SMALL).encode(), "npz": as_npz(SMALL)}
    form, _, kinds = request.param.partition(" of ")
    if not kinds:
        path = tmp_path / f"any name.{form}"
        path.write_bytes(contents[form])
        return path
    files = {
        f"deep/Jsb16thSeparated.{kind}": contents[kind]
        for kind in (["npz", "json"] if kinds == "both" else [kinds])
    }
    files["deep/other.json"] = b"[]"
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "jsb.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return tmp_path / "jsb.zip"
    for name, data in files.items():
        (tmp_path / "jsb" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "jsb" / name).write_bytes(data)
    return tmp_path / "jsb"


def test_every_form_gives_the_same_pieces_unchanged(path, tmp_path):
    assert read(path, tmp_path) == {
        "train": SMALL["train"],
        "validation": SMALL["valid"],
        "test": SMALL["test"],
    }


def test_tempo_and_names(tmp_path):
    path = tmp_path / "jsb.json"
    path.write_text(json.dumps(SMALL))
    builder = get_builder("jsb_chorales", str(tmp_path), str(path))
    pieces = read_chorales(*builder.list_items().items)
    names = [piece.name for piece in pieces if piece.split == "train"]
    assert names == ["train_000", "train_001"]
    piece = pieces[0].sequence
    assert [tempo.qpm for tempo in piece.tempos] == [120]
    assert piece.total_time == 8 * 0.125  # eight sixteenths


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def test_an_npz_can_run_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = io.BytesIO()
    np.savez(file, train=np.array([Evil()], object))
    with pytest.raises(UserError, match="mkdir has no place in an array"):
        parse_grids(file.getvalue(), "evil.npz")
    assert os.listdir() == []
    pickle.loads(pickle.dumps(Evil()))  # what would have happened
    assert os.listdir() == ["evil"]


def npz_of_numbers():
    file = io.BytesIO()
    np.savez(file, train=np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n",
        b"[1, 2]",
        b"[" * 100_000,
        b'{"train": [], "valid": []}',
        json.dumps({**SMALL, "test": [[[60, 55, 52]]]}).encode(),
        json.dumps({**SMALL, "test": [[[60.5, 55, 52, 40]]]}).encode(),
        json.dumps({**SMALL, "test": [[[128, 55, 52, 40]]]}).encode(),
        json.dumps({**SMALL, "test": [[[60, 55, -2, 40]]]}).encode(),
        json.dumps({**SMALL, "test": [["abcd"]]}).encode(),
        as_npz(SMALL)[:300],
        npz_of_numbers(),
    ],
    ids=lambda data: f"{data[:20]}",
)
def test_other_data_is_one_line_that_says_what_was_expected(data):
    with pytest.raises(UserError, match="expected Jsb16thSeparated.json") as error:
        parse_grids(data, "my.json")
    assert "my.json" in str(error.value)


def test_other_files_are_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot read .*missing"):
        find_file(str(tmp_path / "missing.json"))
    with pytest.raises(UserError, match="holds neither Jsb16thSeparated.json nor"):
        find_file(str(tmp_path))
    (tmp_path / "not.zip").write_bytes(b"zip")
    with pytest.raises(UserError, match="cannot read .*not.zip"):
        find_file(str(tmp_path / "not.zip"))


@pytest.mark.skipif(not os.path.exists(REAL), reason="needs the standard data")
@pytest.mark.parametrize("kind", ["json", "npz"])
def test_the_standard_data(tmp_path, kind):
    with zipfile.ZipFile(REAL) as archive:
        data = archive.read(f"jsb/Jsb16thSeparated.{kind}")
        original = json.loads(archive.read("jsb/Jsb16thSeparated.json"))
    (tmp_path / f"jsb.{kind}").write_bytes(data)
    found = read(tmp_path / f"jsb.{kind}", tmp_path)
    assert found["train"] == original["train"]
    assert found["validation"] == original["valid"]
    assert found["test"] == original["test"]
    tokenizer = get_tokenizer("chorale")
    tokens = {
        split: sum(len(tokenizer.grid_to_ids(grid)) for grid in grids)
        for split, grids in found.items()
    }
    assert tokens == {"train": 220912, "validation": 73632, "test": 75600}
