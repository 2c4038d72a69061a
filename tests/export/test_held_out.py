import dataclasses

import numpy as np
import pytest

from tests import tiny
from tfmusic.errors import UserError
from tfmusic.export import held_out
from tfmusic.training.run import Run


def test_beginnings_are_those_of_pieces_and_the_same_each_time():
    pieces = tiny.make_pieces(30, 4, 12)
    chosen = held_out.beginnings(pieces, 10)
    begins = {tuple(pieces.piece(index)[:10]) for index in range(3)}
    assert {tuple(ids) for ids in chosen} == begins
    again = held_out.beginnings(pieces, 10)
    assert all(np.array_equal(a, b) for a, b in zip(chosen, again, strict=True))


def test_no_more_pieces_than_give_enough_tokens(monkeypatch):
    monkeypatch.setattr(held_out, "NUM_TOKENS", 25)
    chosen = held_out.beginnings(tiny.make_pieces(*[20] * 9), 10)
    assert [len(ids) for ids in chosen] == [10, 10, 10]


def test_empty_pieces_are_left_out():
    assert [len(x) for x in held_out.beginnings(tiny.make_pieces(0, 5), 10)] == [5]


@pytest.fixture
def run(small, tokenizer):
    return Run(small, tokenizer, small.config, tiny.TRAIN, {"step": 7})


def test_a_runs_own_data_set_by_its_splits(run, tokenizer, tmp_path):
    path = tiny.write_jsb(tmp_path / "jsb.json")
    music = held_out.load_music(run, str(tmp_path / "data"), input=str(path))
    # Train has pieces of 8 and 12 steps, validation of 9 and 4; the model reads 15.
    assert sorted(map(len, music.calibration)) == [15, 15]
    assert sorted(map(len, music.held_out)) == [15, 15]
    assert not {tuple(x) for x in music.held_out} & {
        tuple(x) for x in music.calibration
    }
    assert "encoder states no license" in music.data_license


def test_another_data_set_is_named(run, tmp_path):
    with pytest.raises(UserError, match="no data set is named 'nothing'"):
        held_out.load_music(run, str(tmp_path), dataset="nothing")


def test_a_config_of_a_data_set_has_its_licence(run, tmp_path, monkeypatch):
    other = dataclasses.replace(tiny.TRAIN, dataset="essen/erk")
    monkeypatch.setattr(held_out, "load_pieces", lambda *args: tiny.make_pieces(8))
    music = held_out.load_music(dataclasses.replace(run, train_config=other), "")
    assert music.data_license and len(music.held_out) == 1
