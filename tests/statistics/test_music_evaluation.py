import itertools
import json

import numpy as np
import pytest

from tests.tiny import TOKENIZER, write_jsb
from tfmusic.datasets.pieces import load_pieces
from tfmusic.errors import UserError
from tfmusic.music import write_midi
from tfmusic.statistics.features import FEATURES
from tfmusic.statistics.music_evaluation import (
    Data,
    evaluate_folder,
    evaluate_model,
    write_sequences,
)


class Parrot:
    """A generator that gives back pieces of the training set, whatever is asked."""

    tokenizer = TOKENIZER

    def __init__(self, ids):
        self.ids = ids

    def generate(self, primes, num_tokens, sampler=None, seed=0):
        endless = itertools.cycle(self.ids)
        return [next(endless)[:num_tokens] for _ in primes]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    path = write_jsb(folder / "jsb.json")
    data = Data("jsb_chorales", "validation", str(folder / "prepared"), str(path))
    load_pieces(data.dataset, data.split, TOKENIZER, data.data_dir, data.input)
    return data


def training_pieces(data):
    pieces = load_pieces(data.dataset, "train", TOKENIZER, data.data_dir, data.input)
    return pieces, [pieces.piece(index) for index in range(len(pieces))]


def evaluate(generator, data, num_tokens=24, num_pieces=3):
    lines = []
    report = evaluate_model(
        generator, data, num_pieces, num_tokens, None, seed=0, log=lines.append
    )
    return report, lines


def test_a_parrot_is_found_out(data):
    pieces, ids = training_pieces(data)
    report, lines = evaluate(Parrot([ids[1]]), data)
    copies = report.numbers["copies"]
    assert list(copies) == ["tokens", "notes", "intervals"]
    for piece in copies["tokens"]["pieces"]:
        assert (piece["length"], piece["offset"]) == (24, 0)
        assert (piece["training_piece"], piece["training_offset"]) == (
            pieces.names[1],
            0,
        )
    assert copies["tokens"]["held_out"]["longest"] < 24
    assert lines[0] == "generating 3 pieces of 24 tokens"
    assert [len(sequence.notes) > 0 for sequence in report.sequences] == [True] * 3


def test_both_sets_are_as_long_as_asked(data):
    _, ids = training_pieces(data)
    report, _ = evaluate(Parrot(ids), data, num_tokens=16)
    numbers = report.numbers
    assert (numbers["generated"]["pieces"], numbers["real"]["pieces"]) == (3, 2)
    assert numbers["generated"]["seconds"] == pytest.approx(3 * 4 / 8)  # 16ths at 120
    assert numbers["real"]["seconds"] == pytest.approx(2 * 4 / 8)
    names = {feature.name for feature in FEATURES} - {"notes_per_bar"}
    assert set(numbers["features"]) == names
    json.dumps(numbers, allow_nan=False)


def test_the_training_split_has_no_held_out_music(data):
    train = Data(data.dataset, "train", data.data_dir, data.input)
    _, ids = training_pieces(data)
    report, _ = evaluate(Parrot(ids), train)
    assert report.numbers["copies"]["tokens"]["held_out"] is None


def test_a_folder_has_no_tokens(data, tmp_path):
    pieces, ids = training_pieces(data)
    sequences = [TOKENIZER.decode(piece)[0] for piece in ids]
    write_sequences(sequences, str(tmp_path))
    report = evaluate_folder(str(tmp_path), data, seed=0, log=lambda line: None)
    copies = report.numbers["copies"]
    assert list(copies) == ["notes", "intervals"]
    for piece, name, sequence in zip(
        copies["intervals"]["pieces"], pieces.names, sequences, strict=True
    ):
        assert piece["training_piece"] == name
        assert piece["length"] == len(sequence.notes)
    assert report.numbers["real"]["seconds"] <= report.numbers["generated"]["seconds"]


def test_too_little_music(data, tmp_path):
    test = Data(data.dataset, "test", data.data_dir, data.input)
    with pytest.raises(UserError, match="1 pieces in test"):
        evaluate(Parrot(training_pieces(data)[1]), test)
    write_midi(TOKENIZER.decode(training_pieces(data)[1][0])[0], tmp_path / "a.mid")
    with pytest.raises(UserError, match="1 pieces in test"):
        evaluate_folder(str(tmp_path), test, seed=0, log=lambda line: None)
    with pytest.raises(UserError, match="no generated piece has a note"):
        evaluate(Parrot([np.zeros(0, np.int32)]), data)
