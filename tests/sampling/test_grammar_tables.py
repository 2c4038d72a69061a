"""The grammar in a graph is the grammar in numpy."""

import numpy as np
import pytest
import tensorflow as tf

from tfmusic.sampling.grammar_tables import GrammarTables
from tfmusic.tokenizers import BOS, ChoraleTokenizer

GRAMMAR = ChoraleTokenizer().grammar
NAMES = ("beat", "pitch", "voice")


def random_ids(batch_size, time):
    """Any ids at all, special ones among them: [B, T]."""
    size = len(GRAMMAR.classes)
    return np.random.default_rng(0).integers(0, size, (batch_size, time), np.int32)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("time", [0, 1, 150])
def test_states_and_features_are_those_of_numpy(time, jit_compile):
    tables = GrammarTables(GRAMMAR, NAMES)

    @tf.function(jit_compile=jit_compile)
    def run(tokens):
        states = tables.states(tokens)
        return states, tables.features(states, tokens)

    ids = random_ids(4, time)
    tokens = np.pad(ids, [(0, 0), (1, 0)], constant_values=BOS)
    states, features = run(tf.constant(tokens))
    assert set(features) == set(NAMES)
    for row in range(4):
        expected = GRAMMAR.states(ids[row])
        assert states[row].numpy().tolist() == expected.tolist()
        for name, values in GRAMMAR.features(expected, tokens[row]).items():
            assert features[name][row].numpy().tolist() == values.tolist()


def test_steps_are_those_of_numpy():
    tables = GrammarTables(GRAMMAR, ())
    states, ids = np.indices(GRAMMAR.allowed.shape, np.int32).reshape(2, -1)
    advanced = tables.advance(tf.constant(states), tf.constant(ids))
    assert advanced.numpy().tolist() == GRAMMAR.advance(states, ids).tolist()
    allowed = tables.allowed(tf.constant([0, 4, 5])).numpy()
    assert allowed.tolist() == GRAMMAR.allowed[[0, 4, 5]].tolist()


def test_only_the_features_that_the_model_takes():
    states = tokens = tf.constant([[0]])
    assert set(GrammarTables(GRAMMAR, ("beat",)).features(states, tokens)) == {"beat"}
    with pytest.raises(ValueError, match="'segment'.*'beat', 'pitch', 'voice'"):
        GrammarTables(GRAMMAR, ("beat", "segment"))
