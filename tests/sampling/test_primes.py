"""Primes from files and from data sets."""

import json

import pytest

from tfmusic.datasets import registry
from tfmusic.errors import UserError
from tfmusic.music import write_midi
from tfmusic.sampling.primes import read_prime
from tfmusic.tokenizers import ChoraleTokenizer

TOKENIZER = ChoraleTokenizer()
GRID = [[72, 67, 64, 48]] * 4 + [[71, 67, 62, 55]] * 4  # half a second each
IDS = TOKENIZER.grid_to_ids(GRID).tolist()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "prime.mid"
    write_midi(TOKENIZER.grid_to_sequence(GRID), path)
    return str(path)


def test_all_of_a_file_or_its_beginning(path):
    assert read_prime(path, TOKENIZER, "").tolist() == IDS
    assert read_prime(path, TOKENIZER, "", seconds=0.5).tolist() == IDS[:16]
    assert read_prime(path, TOKENIZER, "", seconds=60.0).tolist() == IDS
    assert read_prime(path, TOKENIZER, "", num_tokens=6).tolist() == IDS[:6]


def test_a_piece_of_a_data_set(tmp_path):
    raw = tmp_path / "jsb.json"
    splits = {"train": [GRID], "valid": [GRID[:2], GRID], "test": [GRID]}
    raw.write_text(json.dumps(splits))
    data_dir = str(tmp_path / "data")
    registry.prepare("jsb_chorales", data_dir, str(raw))
    prime = read_prime("jsb_chorales:validation:1", TOKENIZER, data_dir, seconds=0.75)
    assert prime.tolist() == IDS[:24]
    with pytest.raises(UserError, match=r"validation:2: .* has 2 pieces in validation"):
        read_prime("jsb_chorales:validation:2", TOKENIZER, data_dir)


def test_a_data_set_or_split_that_is_none_is_named(tmp_path):
    for source, message in (
        ("bach:validation:0", "no data set is named 'bach'"),
        ("essen/erl:validation:0", "essen has no config 'erl'"),
        ("bach_chorales:valid:0", "no split is named 'valid'"),
    ):
        with pytest.raises(UserError, match=message):
            read_prime(source, TOKENIZER, str(tmp_path))


def test_music_that_does_not_serve_is_named(tmp_path, path):
    with pytest.raises(UserError, match="none.mid"):
        read_prime(str(tmp_path / "none.mid"), TOKENIZER, "")
    with pytest.raises(UserError, match="prime.mid: pitch 72 is outside"):
        read_prime(path, ChoraleTokenizer(max_pitch=71), "")
    silent = str(tmp_path / "silent.mid")
    write_midi(TOKENIZER.grid_to_sequence([]), silent)
    with pytest.raises(UserError, match="silent.mid: no music"):
        read_prime(silent, TOKENIZER, "")
