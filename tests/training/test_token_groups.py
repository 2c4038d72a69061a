import numpy as np
import pytest

from tfmusic.tokenizers import (
    BOS,
    EOS,
    PAD,
    TOKENIZERS,
    ChoraleTokenizer,
    PerformanceTokenizer,
)
from tfmusic.training.token_groups import TokenGroups


def test_events_are_told_apart_by_their_ranges():
    tokenizer = PerformanceTokenizer()
    groups = TokenGroups(tokenizer)
    assert groups.names == ("note_on", "note_off", "time_shift", "velocity")
    encode = tokenizer.vocabulary.encode
    targets = np.array(
        [
            [encode("VELOCITY", 9), encode("NOTE_ON", 127), encode("TIME_SHIFT", 1)],
            [encode("NOTE_OFF", 0), EOS, PAD],
        ]
    )
    nats = np.array([[1, 2, 4], [8, 16, 32]], np.float32)
    weights = np.array([[1, 1, 1], [1, 1, 0]], np.float32)
    sums = groups.sums({}, targets, True, nats * weights, weights).numpy()
    assert sums.tolist() == [[2, 1], [8, 1], [4, 1], [1, 1], [16, 1]]
    assert groups.report(*sums[:-1].T) == {
        "nats_by": {"note_on": 2, "note_off": 8, "time_shift": 4, "velocity": 1},
        "tokens_by": dict.fromkeys(groups.names, 1),
    }
    assert groups.report(np.array([3, 0, 0, 0]), np.array([2, 0, 0, 0])) == {
        "nats_by": {"note_on": 1.5},
        "tokens_by": {"note_on": 2},
    }


@pytest.mark.parametrize("next_voice", [True, False])
def test_voices_follow_each_other(next_voice):
    tokenizer = ChoraleTokenizer()
    groups = TokenGroups(tokenizer)
    ids = np.arange(10, 22)
    tokens = np.concatenate([[BOS], ids])
    grammar = tokenizer.grammar
    voice = grammar.features(grammar.states(ids), tokens)["voice"]
    voice = voice[:-1] if next_voice else voice[1:]
    nats = np.arange(12, dtype=np.float32)[None]
    inputs = {"voice": voice[None].astype(np.int32)}
    sums = groups.sums(inputs, ids[None], next_voice, nats, np.ones_like(nats)).numpy()
    assert sums.tolist() == [[12, 3], [15, 3], [18, 3], [21, 3], [0, 0]]


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_every_tokenizer_has_groups(name):
    groups = TokenGroups(TOKENIZERS[name]())
    assert len(set(groups.names)) == len(groups.names) > 1
