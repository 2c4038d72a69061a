import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.tokenizers.grammar import Grammar


def random_grammar(seed, num_states, num_classes=3, num_ids=7):
    random = np.random.default_rng(seed)
    return Grammar(
        classes=random.integers(num_classes, size=num_ids, dtype=np.int32),
        next_state=random.integers(
            -1, num_states, size=[num_states, num_classes], dtype=np.int32
        ),
        state_features={"voice": random.integers(5, size=num_states, dtype=np.int32)},
        token_features={"pitch": random.integers(9, size=num_ids, dtype=np.int32)},
    )


def naive_states(grammar, ids):
    """The rule of the automaton, spelled out."""
    states = [0]
    for token in ids:
        following = grammar.next_state[states[-1], grammar.classes[token]]
        states.append(states[-1] if following == -1 else following)
    return states


grammars = st.builds(random_grammar, st.integers(0, 999), st.integers(1, 5))
ids_lists = st.lists(st.integers(0, 6), max_size=30)


@settings(deadline=None)
@given(grammars, ids_lists)
def test_states_follow_the_rule(grammar, ids):
    states = grammar.states(np.array(ids, np.int32))
    assert states.dtype == np.int32
    assert states.tolist() == naive_states(grammar, ids)


@settings(deadline=None)
@given(grammars, ids_lists)
def test_advance_is_one_step_of_states(grammar, ids):
    states = grammar.states(np.array(ids, np.int32))
    after = grammar.advance(states[:-1], np.array(ids, np.int32))
    np.testing.assert_array_equal(after, states[1:])
    for state, token, following in zip(states[:-1], ids, states[1:], strict=True):
        assert grammar.advance(state, token) == following


@settings(deadline=None)
@given(grammars)
def test_allowed_is_where_a_next_state_exists(grammar):
    for state, row in enumerate(grammar.allowed):
        for token, allowed in enumerate(row):
            following = grammar.next_state[state, grammar.classes[token]]
            assert allowed == (following != -1)


def test_features_look_up_the_state_and_the_token():
    grammar = Grammar(
        classes=np.zeros(2, np.int32),
        next_state=np.array([[1], [0]], np.int32),
        state_features={"voice": np.array([7, 8], np.int32)},
        token_features={"pitch": np.array([10, 20], np.int32)},
    )
    features = grammar.features(np.array([[0, 1]]), np.array([[1, 1]]))
    assert list(features) == ["voice", "pitch"]
    np.testing.assert_array_equal(features["voice"], [[7, 8]])
    np.testing.assert_array_equal(features["pitch"], [[20, 20]])


@pytest.mark.parametrize("num_states", [1, 4])
def test_json_round_trip(num_states):
    grammar = random_grammar(0, num_states)
    copy = Grammar.from_dict(json.loads(json.dumps(grammar.to_dict())))
    assert copy.to_dict() == grammar.to_dict()
    assert copy.next_state.dtype == np.int32
    np.testing.assert_array_equal(copy.allowed, grammar.allowed)
