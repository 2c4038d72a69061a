"""Models by name: which one a name means, damage, and the ones that are there."""

import json
import os
import shutil

import numpy as np
import pytest

import tfmusic
from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic import pretrained
from tfmusic.datasets.bach_files import read_chorale
from tfmusic.datasets.corpus import find_corpus
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.source import Item
from tfmusic.errors import UserError
from tfmusic.model_card import CARD, model_card
from tfmusic.models import make_model
from tfmusic.training import run
from tfmusic.training.evaluation import Evaluator

FILES = ("config.json", "tokenizer.json", "best/best.json", "best/best.weights.h5")


def write_run(folder, config=MODEL, step=7):
    run.write_settings(str(folder), config, TRAIN, TOKENIZER)
    run.save_best(make_model(config), str(folder), {"step": step})


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder `weights/tiny` of the only model there is, from an empty folder."""
    folder = tmp_path / "weights" / "tiny"
    write_run(folder)
    sha256 = {name: pretrained.file_sha256(folder / name) for name in FILES}
    unseen = {"jsb_chorales": {"test": {"pieces": ["piece_0", "piece_2"]}}}
    report = json.dumps({"sha256": sha256, "unseen": unseen})
    (folder / "report.json").write_text(report)
    monkeypatch.setattr(pretrained, "FOLDER", str(folder.parent))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_a_name_gives_what_its_folder_would(tiny):
    loaded = tfmusic.from_pretrained("tiny")
    assert loaded.model_config == MODEL and loaded.best == {"step": 7}
    for ours, same in zip(
        loaded.model.get_weights(),
        run.load_run(str(tiny)).model.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, same)


def test_a_folder_goes_before_a_name_where_it_holds_a_run(tiny, capfd):
    os.mkdir("tiny")  # of music, for instance
    assert run.load_run("tiny").best["step"] == 7
    assert capfd.readouterr().err == "tiny: the model that comes with tfmusic\n"
    write_run("tiny", step=8)
    assert run.load_run("tiny").best["step"] == 8
    assert f"tiny: the run in {os.path.abspath('tiny')}, not" in capfd.readouterr().err
    assert tfmusic.from_pretrained("tiny").best["step"] == 7
    assert run.load_run("./tiny").best["step"] == 8
    assert capfd.readouterr().err == ""


def test_unknown_names_are_one_line(tiny):
    for name in ("tin", "", ".", "../weights/tiny", str(tiny)):
        with pytest.raises(UserError, match="comes with tfmusic; known: tiny$"):
            pretrained.from_pretrained(name)
    with pytest.raises(UserError, match="tin is not a run's folder .*tfmusic: tiny$"):
        run.load_run("tin")
    with pytest.raises(UserError, match="holds a decoder"):
        run.load_run("tiny", kind="infiller")


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_line(tiny, name):
    data = bytearray((tiny / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tiny / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} is damaged: install tfmusic again"):
        tfmusic.from_pretrained("tiny")
    (tiny / name).unlink()
    with pytest.raises(UserError, match=f"{name} is (damaged|missing)|no model named"):
        tfmusic.from_pretrained("tiny")


def test_a_damaged_report_is_one_line(tiny):
    (tiny / "report.json").write_text("{")
    with pytest.raises(UserError, match="report.json is damaged"):
        tfmusic.from_pretrained("tiny")


def test_a_training_begins_with_it(tiny):
    model = make_model(MODEL)
    run.load_initial_weights(model, "tiny")
    expected = tfmusic.from_pretrained("tiny").model
    for ours, same in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, same)
    with pytest.raises(UserError, match="does not fit"):
        run.load_initial_weights(make_model(INFILLER), "tiny")


def test_pieces_that_are_new_to_it(tiny):
    pieces = make_pieces(8, 12, 4)
    unseen = pretrained.select_unseen(pieces, "tiny", "jsb_chorales", "test")
    assert unseen.names == ["piece_0", "piece_2"]
    for dataset, split in (("jsb_chorales", "train"), ("essen", "test")):
        with pytest.raises(UserError, match="choose from jsb_chorales test"):
            pretrained.select_unseen(pieces, "tiny", dataset, split)


def test_music_by_name(tiny):
    shutil.copytree(tiny, tiny.parent / pretrained.DEFAULT)
    for generator in (tfmusic.load_generator(), tfmusic.load_generator("tiny")):
        assert generator.tokenizer.hash == TOKENIZER.hash


def chorale(name):
    """A piece of the built-in data, read alone."""
    path = os.path.join(find_corpus("bach"), f"{name}.mxl")
    (piece,) = read_chorale(Item(name, (path, "")))
    sequence = piece.sequence
    ids = TOKENIZER.encode(sequence)
    return Pieces(
        ids=ids.astype(np.uint16),
        offsets=np.array([0, len(ids)]),
        names=[name],
        num_notes=np.array([len(sequence.notes)]),
        seconds=np.array([sequence.total_time]),
    )


@pytest.mark.parametrize("name", pretrained.names())
class TestShipped:
    """The models that are there."""

    def test_it_is_small_and_whole(self, name):
        folder = pretrained.pretrained_folder(name)
        files = {
            os.path.relpath(os.path.join(path, file), folder)
            for path, _, files in os.walk(folder)
            for file in files
        }
        assert files == {*FILES, pretrained.REPORT, CARD}
        sizes = [os.path.getsize(os.path.join(folder, file)) for file in files]
        assert sum(sizes) <= pretrained.MAX_BYTES

    def test_its_card_says_what_its_report_says(self, name):
        folder = pretrained.pretrained_folder(name)
        report = pretrained.read_report(name)
        with open(os.path.join(folder, CARD), encoding="utf-8") as file:
            written = file.read()
        assert written == model_card(report, *run.read_settings(folder)), (
            'make the card again: python -c "from tfmusic.model_card import '
            f"write_card; write_card('{folder}')\""
        )
        assert f"**{report['validation']['nats_per_token']:.4f}**" in written
        assert max(map(len, written.splitlines())) <= 100

    def test_its_likelihood_is_what_its_report_says(self, name):
        loaded = tfmusic.from_pretrained(name)
        expected = pretrained.read_report(name)["sample"]
        (piece,) = expected["pieces"]
        scores = Evaluator(loaded.model, loaded.tokenizer, chorale(piece))()
        assert 100 < scores["num_tokens"] == expected["num_tokens"]
        assert scores["nats_per_token"] == pytest.approx(
            expected["nats_per_token"], rel=1e-4
        )


def test_chorales_are_there():
    assert pretrained.DEFAULT in pretrained.names()
