import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.errors import UserError
from tfmusic.tokenizers import (
    TOKENIZERS,
    EventRange,
    Grammar,
    Tokenizer,
    Vocabulary,
    check_same,
    get_tokenizer,
    tokenizer_from_json,
)


class KeysTokenizer(Tokenizer):
    """Two pitched ranges and one that isn't; no music, as that isn't tested here."""

    name = "keys"
    pitched_ranges = ("NOTE_ON", "NOTE_OFF")

    def __init__(self, shifts=3, min_pitch=60, feature_size=2, voices=(0,)):
        self.options = {"shifts": shifts}
        self.vocabulary = Vocabulary(
            [
                EventRange("NOTE_ON", min_pitch, 71),  # ids 3 to 14
                EventRange("TIME_SHIFT", 1, shifts),  # ids 15 to 17
                EventRange("NOTE_OFF", min_pitch, 71),  # ids 18 to 29
            ]
        )
        self.grammar = Grammar(
            classes=np.zeros(self.vocabulary.size, np.int32),
            next_state=np.zeros([1, 1], np.int32),
            state_features={"voice": np.array(voices, np.int32)},
            token_features={},
        )
        self.features = {"voice": feature_size}

    def encode(self, sequence):
        raise NotImplementedError

    def decode(self, ids):
        raise NotImplementedError


def test_pitched_are_the_ids_of_the_pitched_ranges():
    assert np.flatnonzero(KeysTokenizer().pitched).tolist() == [
        *range(3, 15),
        *range(18, 30),
    ]


def test_transpose_moves_pitches_only():
    # NOTE_ON(62), TIME_SHIFT(2), NOTE_OFF(62), up a whole tone
    moved = KeysTokenizer().transpose(np.array([5, 16, 20], np.int32), 2)
    np.testing.assert_array_equal(moved, [7, 16, 22])
    assert moved.dtype == np.int32


def test_a_table_tells_what_each_id_becomes():
    tokenizer = KeysTokenizer()
    up = tokenizer.transposed(2)
    assert up.dtype == np.int32
    assert up.tolist() == [
        *[0, 1, 2],
        *range(5, 15),  # NOTE_ON(60) to NOTE_ON(69) move
        *[13, 14],  # NOTE_ON(70) and NOTE_ON(71) have no room
        *[15, 16, 17],  # TIME_SHIFT
        *range(20, 30),
        *[28, 29],
    ]
    down = tokenizer.transposed(-2)
    assert down[5:15].tolist() == list(range(3, 13)) and down[3:5].tolist() == [3, 4]
    for semitones in (0, 12, -12, 127, -127, 1000):
        assert tokenizer.transposed(semitones).tolist() == list(range(30))


def test_transpose_by_nothing_returns_the_input():
    ids = np.array([5, 16, 20], np.int32)
    assert KeysTokenizer().transpose(ids, 0) is ids


@settings(deadline=None)
@given(st.lists(st.integers(0, 29), max_size=20))
def test_transpose_range_is_exactly_what_keeps_names(ids):
    tokenizer = KeysTokenizer()
    ids = np.array(ids, np.int32)
    lowest, highest = tokenizer.transpose_range(ids)
    for semitones in range(lowest, highest + 1):
        moved = tokenizer.transpose(ids, semitones)
        np.testing.assert_array_equal(tokenizer.transpose(moved, -semitones), ids)
        for before, after in zip(ids, moved, strict=True):
            expected = tokenizer.vocabulary.decode(before)
            if tokenizer.pitched[before]:
                expected = (expected[0], expected[1] + semitones)
            assert tokenizer.vocabulary.decode(after) == expected
    for semitones in (lowest - 1, highest + 1):
        with pytest.raises(ValueError, match="outside"):
            tokenizer.transpose(ids, semitones)


def test_nothing_pitched_has_no_range():
    assert KeysTokenizer().transpose_range(np.array([0, 1, 15], np.int32)) == (0, 0)
    assert KeysTokenizer().transpose_range(np.array([], np.int32)) == (0, 0)


def test_hash_changes_with_anything_that_ids_depend_on():
    tokenizers = [
        KeysTokenizer(),
        KeysTokenizer(shifts=4),
        KeysTokenizer(min_pitch=59),
        KeysTokenizer(feature_size=3),
        KeysTokenizer(voices=(1,)),
    ]
    renamed = KeysTokenizer()
    renamed.name = "other"
    hashes = {tokenizer.hash for tokenizer in [*tokenizers, renamed]}
    assert len(hashes) == 6
    assert all(len(value) == 8 and int(value, 16) >= 0 for value in hashes)


def test_hash_is_the_same_every_time():
    assert KeysTokenizer().hash == KeysTokenizer().hash
    assert KeysTokenizer().to_json() == KeysTokenizer().to_json()


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_json_round_trip(name):
    tokenizer = get_tokenizer(name)
    copy = tokenizer_from_json(tokenizer.to_json())
    assert type(copy) is type(tokenizer)
    assert copy.to_json() == tokenizer.to_json()
    assert copy.hash == tokenizer.hash


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_features_are_those_of_the_grammar(name):
    tokenizer = get_tokenizer(name)
    grammar = tokenizer.grammar
    tables = grammar.state_features | grammar.token_features
    assert set(tables) == set(tokenizer.features)
    for feature, table in tables.items():
        assert 0 <= table.min() <= table.max() == tokenizer.features[feature] - 1
    assert grammar.classes.shape == (tokenizer.vocabulary.size,)


def test_unknown_names_say_what_there_is():
    with pytest.raises(UserError, match="'choral'.*chorale"):
        get_tokenizer("choral")


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("multitrack", {"drums": True}, "no option 'drums': num_bars"),
        ("remi", {"chords": "no"}, "chords is 'no', expected bool"),
        ("remi", {"chords": 1}, "chords is 1, expected bool"),
        ("chorale", {"min_pitch": "low"}, "min_pitch is 'low', expected int"),
        ("performance", {"sustain": "hold"}, "hold"),
    ],
)
def test_wrong_options_say_what_was_expected(name, options, message):
    with pytest.raises(UserError, match=message):
        get_tokenizer(name, **options)


def test_another_versions_json_is_an_error():
    data = json.loads(get_tokenizer("chorale").to_json())
    data["grammar"]["classes"][3] = 1
    with pytest.raises(UserError, match="chorale is another version's"):
        tokenizer_from_json(json.dumps(data))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"name": "chorale", "options": {"no_such_option": 1}}'],
)
def test_unreadable_json_is_an_error(text):
    with pytest.raises(UserError, match="JSON"):
        tokenizer_from_json(text)


def test_check_same_names_both():
    one, other = KeysTokenizer(), KeysTokenizer(shifts=4)
    check_same(one, KeysTokenizer(), "the model", "the data")
    with pytest.raises(UserError) as error:
        check_same(one, other, "the model in out/run", "the data in data")
    for part in ("the model in out/run", "the data in data", one.hash, other.hash):
        assert part in str(error.value)


def test_importing_brings_in_no_framework():
    program = (
        "import sys, tfmusic.tokenizers; "
        "print({'tensorflow', 'keras', 'note_seq', 'librosa'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == "set()"
