"""N-gram models against dictionaries, and what they can and can't know."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from tfmusic.statistics.ngram import FALLBACK_DISCOUNTS, NGramModel
from tfmusic.tokenizers import BOS, EOS, NUM_SPECIAL, PAD

V = 12


def random_pieces(seed, *lengths):
    """Ids of which some are much more frequent, and follow each other."""
    generator = np.random.default_rng(seed)
    pieces = []
    for length in lengths:
        ids = NUM_SPECIAL + generator.zipf(1.5, length) % (V - NUM_SPECIAL)
        again = generator.random(length) < 0.4
        ids[1:] = np.where(again[1:], ids[:-1], ids[1:])
        pieces.append(ids.astype(np.uint16))
    return pieces


class NaiveModel:
    """Modified Kneser-Ney by the book, one n-gram at a time."""

    def __init__(self, pieces, order):
        self.order = order
        occurrences = Counter()
        for piece in pieces:
            ids = [BOS] * (order - 1) + piece.tolist() + [EOS]
            for end in range(order, len(ids) + 1):
                occurrences[tuple(ids[end - order : end])] += 1
        self.counts = {order: occurrences}
        for length in range(order - 1, 0, -1):
            self.counts[length] = Counter(
                ngram[1:] for ngram in self.counts[length + 1]
            )
        self.following = defaultdict(dict)
        for counts in self.counts.values():
            for ngram, count in counts.items():
                self.following[ngram[:-1]][ngram[-1]] = count
        self.discounts = {
            length: self.find_discounts(counts.values())
            for length, counts in self.counts.items()
        }

    @staticmethod
    def find_discounts(counts):
        n1, n2, n3, n4 = (sum(c == n for c in counts) for n in (1, 2, 3, 4))
        if not n1 * n2 * n3 * n4:
            return [0.5, 1.0, 1.5]
        y = n1 / (n1 + 2 * n2)
        found = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return found if min(found) > 0 else [0.5, 1.0, 1.5]

    def probability(self, context, id_):
        context = tuple(context)
        shorter = (
            self.probability(context[1:], id_) if context else 1 / (V - len({PAD, BOS}))
        )
        following = self.following.get(context)
        if not following:
            return shorter
        d = [0, *self.discounts[len(context) + 1]]
        total = sum(following.values())
        count = following.get(id_, 0)
        left = sum(d[min(c, 3)] for c in following.values()) / total
        return (count - d[min(count, 3)]) / total + left * shorter

    def nats(self, pieces):
        found = []
        for piece in pieces:
            ids = [BOS] * (self.order - 1) + piece.tolist() + [EOS]
            for end in range(self.order - 1, len(ids)):
                context = ids[end - self.order + 1 : end]
                found.append(-math.log(self.probability(context, ids[end])))
        return found


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("lengths", [(400, 300), (0, 1, 2, 40), (6,)])
def test_equals_the_definition(order, lengths):
    train, held_out = random_pieces(0, *lengths), random_pieces(1, 60, 0, 1, 30)
    model, naive = NGramModel(train, order, V), NaiveModel(train, order)
    expected = [naive.discounts[length] for length in range(1, order + 1)]
    np.testing.assert_allclose(model.discounts, expected)
    for pieces in held_out, train:
        np.testing.assert_allclose(model.nats(pieces), naive.nats(pieces))


def test_discounts_are_estimated_where_counts_allow():
    trigram = NGramModel(random_pieces(0, 400, 300), 3, V)
    assert (trigram.discounts[0] == FALLBACK_DISCOUNTS).all()  # 10 ids are too few
    assert (trigram.discounts[2] != FALLBACK_DISCOUNTS).any()
    assert (trigram.discounts > 0).all()


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_of_every_context_sum_to_1(order):
    model = NGramModel(random_pieces(0, 200, 100), order, V)
    contexts = [*random_pieces(2, 0, 1, 2, 5, 9, 9), np.full(6, V - 1)]
    for context in contexts:
        # What follows the context: each id, or the end.
        longer = [np.append(context, id_) for id_ in range(NUM_SPECIAL, V)]
        nats = [model.nats([piece])[-2] for piece in longer]
        nats.append(model.nats([context])[-1])
        assert np.exp(-np.array(nats)).sum() == pytest.approx(1, abs=1e-6)


def test_longer_contexts_find_more_structure():
    generator = np.random.default_rng(0)
    motifs = generator.integers(NUM_SPECIAL, V, [6, 8])
    train, held_out = (
        [motifs[generator.integers(0, 6, 60)].ravel() for _ in range(4)]
        for _ in range(2)
    )
    unigram, bigram, fivegram = (
        NGramModel(train, order, V).nats(held_out).mean() for order in (1, 2, 5)
    )
    assert fivegram < bigram - 0.5 < unigram - 0.5
    assert fivegram > np.log(6) / 8  # what the choice of motifs costs in any case


def test_what_was_never_heard_has_a_probability():
    model = NGramModel([np.array([5, 6, 7])], 5, V)
    nats = model.nats([np.arange(NUM_SPECIAL, V), []])
    assert len(nats) == V - NUM_SPECIAL + 2
    assert np.isfinite(nats).all()


def test_a_piece_is_heard_from_its_own_beginning_only():
    model = NGramModel(random_pieces(0, 100, 80), 4, V)
    first, second = random_pieces(1, 20, 30)
    apart = np.concatenate([model.nats([first]), model.nats([second])])
    np.testing.assert_array_equal(model.nats([first, second]), apart)


@pytest.mark.parametrize("ids", [[PAD], [5, EOS, 5], [BOS, 5], [V], [-1]])
def test_other_ids_are_refused(ids):
    model = NGramModel([np.array([5, 6])], 2, V)
    with pytest.raises(ValueError, match="expected ids from 3 to 11"):
        model.nats([np.array(ids)])
    with pytest.raises(ValueError, match="expected ids from 3 to 11"):
        NGramModel([np.array(ids)], 2, V)


def test_an_order_is_at_least_1():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        NGramModel([], 0, V)


def test_no_pieces_are_refused():
    with pytest.raises(ValueError, match="at least one piece"):
        NGramModel([], 2, V)
