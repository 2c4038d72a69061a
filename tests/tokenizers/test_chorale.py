import json
import pathlib
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.errors import UserError
from tfmusic.tokenizers import BOS, EOS, PAD, ChoraleTokenizer

JSB = pathlib.Path(__file__).parents[2] / "../shared/data/jsb.zip"

pitches = st.one_of(st.just(-1), st.integers(60, 62), st.integers(36, 81))
grids = st.lists(st.tuples(pitches, pitches, pitches, pitches), max_size=12)


def test_first_steps_of_a_chorale():
    tokenizer = ChoraleTokenizer()
    sequence = tokenizer.grid_to_sequence(
        [[74, 70, 65, 58], [74, 70, 65, 58], [75, 70, 58, 55], [75, -1, -1, 55]]
    )
    assert len(sequence.notes) == 7  # the first 16th's notes are held or repeated
    ids = tokenizer.encode(sequence)
    assert ids.dtype == np.int32
    assert ids.tolist() == [
        42, 38, 33, 26,  # D5 Bb4 F4 Bb3: 4 + pitch - 36
        42, 38, 33, 26,  # held
        43, 38, 26, 23,  # Eb5 Bb4 Bb3 G3
        43, 3, 3, 23,  # Eb5 rest rest G3
    ]  # fmt: skip


def test_the_vocabulary_is_a_rest_and_46_pitches():
    vocabulary = ChoraleTokenizer().vocabulary
    assert vocabulary.size == 50
    assert vocabulary.decode(3) == ("REST", 0)
    assert vocabulary.decode(4) == ("PITCH", 36)  # C2
    assert vocabulary.decode(49) == ("PITCH", 81)  # A5


@settings(deadline=None)
@given(grids)
def test_a_piece_comes_back(rows):
    tokenizer = ChoraleTokenizer()
    grid = np.array(rows, np.int32).reshape(-1, 4)
    ids = tokenizer.encode(tokenizer.grid_to_sequence(grid))
    sequence, num_invalid = tokenizer.decode(ids)
    assert num_invalid == 0
    np.testing.assert_array_equal(tokenizer.grid(sequence), grid)
    np.testing.assert_array_equal(tokenizer.encode(sequence), ids)


@settings(deadline=None)
@given(st.lists(st.integers(-3, 55) | st.integers(-(2**40), 2**40), max_size=40))
def test_any_ids_decode(ids):
    tokenizer = ChoraleTokenizer()
    sequence, num_invalid = tokenizer.decode(ids)
    valid = [token for token in ids if 3 <= token < 50]
    while ids and ids[0] in (PAD, EOS, BOS):
        ids = ids[1:]
    while ids and ids[-1] in (PAD, EOS, BOS):
        ids = ids[:-1]
    assert num_invalid == len(ids) - len(valid)
    missing = -len(valid) % 4  # voices of the last step rest
    assert tokenizer.encode(sequence).tolist() == valid + [3] * missing


def test_specials_count_as_invalid_inside_the_music_only():
    tokenizer = ChoraleTokenizer()
    step = [42, 38, 33, 26]
    clean, num_invalid = tokenizer.decode([BOS, *step, *step, EOS, PAD, PAD])
    assert num_invalid == 0
    broken, num_invalid = tokenizer.decode([BOS, *step, EOS, 42, PAD, 38, 33, 26])
    assert num_invalid == 2
    assert broken == clean


def test_decode_takes_a_tempo():
    sequence, _ = ChoraleTokenizer().decode([42, 38, 33, 26], qpm=60)
    assert sequence.notes[0].end_time == 0.25


def test_pitches_out_of_range_are_errors():
    tokenizer = ChoraleTokenizer()
    for pitch in (35, 82):
        sequence = tokenizer.grid_to_sequence([[72, 67, 60, pitch]])
        with pytest.raises(UserError, match=rf"pitch {pitch} is outside .* 36\.\.81"):
            tokenizer.encode(sequence)
    wide = ChoraleTokenizer(min_pitch=21, max_pitch=108)
    assert wide.encode(sequence).tolist() == [55, 50, 43, 65]


def test_transposition_moves_pitches_and_keeps_rests():
    tokenizer = ChoraleTokenizer()
    ids = tokenizer.grid_to_ids([[74, 70, -1, 41]])
    assert tokenizer.transpose_range(ids) == (-5, 7)  # F2 down to C2, D5 up to A5
    moved, _ = tokenizer.ids_to_grid(tokenizer.transpose(ids, 7))
    assert moved.tolist() == [[81, 77, -1, 48]]
    assert tokenizer.transpose(ids, 0) is ids
    with pytest.raises(ValueError, match="8 semitones is outside -5..7"):
        tokenizer.transpose(ids, 8)


def test_features_of_each_token():
    tokenizer = ChoraleTokenizer()
    assert tokenizer.features == {"voice": 5, "beat": 17, "pitch": 48}
    ids = tokenizer.grid_to_ids([[74, 70, -1, 36]] * 18)
    tokens = np.concatenate([[BOS], ids])
    features = tokenizer.grammar.features(tokenizer.grammar.states(ids), tokens)
    assert features["voice"].tolist() == [0, *[1, 2, 3, 4] * 18]  # S A T B
    beats = np.repeat([*range(1, 17), 1, 2], 4)  # a new bar after 16 steps
    assert features["beat"].tolist() == [0, *beats.tolist()]
    # 1 is a rest, 2 is C2, the lowest
    assert features["pitch"].tolist() == [0, *[40, 36, 1, 2] * 18]


def test_grammar_equals_counting():
    tokenizer = ChoraleTokenizer()
    grammar = tokenizer.grammar
    assert grammar.next_state.shape[0] == 65
    state = 0
    for index in range(200):
        for token, allowed in enumerate(grammar.allowed[state]):
            if token == EOS:
                assert allowed == (index > 0 and index % 4 == 0)
            else:
                assert allowed == (token not in (PAD, BOS))
        state = grammar.advance(state, 3 + index % 47)
        assert state == 1 + index % 64


def test_the_next_piece_starts_afresh_after_eos():
    grammar = ChoraleTokenizer().grammar
    states = grammar.states([42, 38, 33, 26, EOS, 42])
    assert states.tolist() == [0, 1, 2, 3, 4, 0, 1]


def test_the_hash_is_pinned():
    # Token files, checkpoints and exported graphs carry it: a change makes them stale.
    assert ChoraleTokenizer().hash == "050349ed"
    assert ChoraleTokenizer(max_pitch=82).hash != ChoraleTokenizer().hash
    assert ChoraleTokenizer(min_pitch=35).hash != ChoraleTokenizer().hash


@pytest.mark.skipif(not JSB.exists(), reason="the standard data is not here")
def test_the_standard_data_comes_back():
    tokenizer = ChoraleTokenizer()
    with zipfile.ZipFile(JSB) as archive:
        splits = json.loads(archive.read("jsb/Jsb16thSeparated.json"))
    num_tokens = {}
    for split, pieces in splits.items():
        num_tokens[split] = 0
        for piece in pieces:
            ids = tokenizer.encode(tokenizer.grid_to_sequence(piece))
            grid, num_invalid = tokenizer.ids_to_grid(ids)
            assert num_invalid == 0
            assert grid.tolist() == piece
            num_tokens[split] += len(ids)
    assert num_tokens == {"train": 220_912, "valid": 73_632, "test": 75_600}
