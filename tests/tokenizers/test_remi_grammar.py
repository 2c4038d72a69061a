import numpy as np

from tfmusic.tokenizers import EOS, RemiTokenizer
from tfmusic.tokenizers.remi_grammar import remi_grammar


def test_random_walks_mean_what_they_say():
    # Whatever the grammar allows is valid, but for positions outside a short bar.
    tokenizer = RemiTokenizer(chords=True, drums=True)
    grammar = remi_grammar(tokenizer.vocabulary)
    generator = np.random.default_rng(0)
    long_bar = tokenizer.vocabulary.encode("BAR", 32)
    start, stop = tokenizer.vocabulary.span("BAR")
    for _ in range(20):
        state, ids = 0, []
        for _ in range(60):
            # Kinds are drawn first, that the rare ones come too.
            allowed = np.flatnonzero(grammar.allowed[state])
            kind = generator.choice(np.unique(grammar.classes[allowed]))
            token = generator.choice(allowed[grammar.classes[allowed] == kind])
            token = long_bar if start <= token < stop else int(token)
            state = int(grammar.advance(state, token))
            if token == EOS:
                break
            ids.append(token)
        while not grammar.allowed[grammar.states(ids)[-1], EOS]:
            ids.pop()
            if not ids:
                break
        assert tokenizer.decode(ids)[1] == 0


def test_there_are_six_states_a_position():
    grammar = RemiTokenizer().grammar
    assert len(grammar.next_state) == 2 + 6 * 32
    assert set(np.unique(grammar.state_features["beat"])) == set(range(33))
