import numpy as np

from tfmusic.tokenizers import EOS, MultitrackTokenizer


def test_every_state_can_be_reached_and_left():
    grammar = MultitrackTokenizer().grammar
    reached, todo = {0}, [0]
    while todo:
        following = set(grammar.next_state[todo.pop()].tolist()) - reached - {-1}
        reached |= following
        todo += following
    assert reached == set(range(len(grammar.next_state)))
    assert (grammar.next_state >= 0).any(axis=1).all()


def test_a_piece_can_end_from_every_state():
    grammar = MultitrackTokenizer().grammar
    can_end = grammar.allowed[:, EOS]
    for _ in range(len(can_end)):
        steps = np.where(grammar.next_state < 0, 0, grammar.next_state)
        leads = can_end[steps] & (grammar.next_state >= 0)
        can_end = can_end | leads.any(axis=1)
    assert can_end.all()
