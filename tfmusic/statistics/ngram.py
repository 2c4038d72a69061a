"""N-gram models with modified Kneser-Ney smoothing: what a likelihood must beat."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from tfmusic.tokenizers import BOS, EOS, NUM_SPECIAL

# Where counts are too few or too even to estimate discounts from: KenLM's.
FALLBACK_DISCOUNTS = np.array([0.5, 1.0, 1.5])


@dataclasses.dataclass(frozen=True)
class _Level:
    """The estimate from contexts of one length. `G` n-grams, `C` contexts.

    Attributes:
        keys: int64 `[G]`, ascending: number of the context times V, plus the id.
        own: float64 `[G]`, what the counts alone give each n-gram, discounted.
        rest: float64 `[C]`, what is left to the contexts that are shorter by one.
    """

    keys: np.ndarray
    own: np.ndarray
    rest: np.ndarray


class NGramModel:
    """The interpolated n-gram model of pieces, with modified Kneser-Ney smoothing.

    `p(w | u) = (c(u w) - D(c(u w))) / c(u) + rest(u) p(w | u')`, where `u'` is the
    context `u` without its first id, `c(u)` the sum of `c(u w)` over `w`, and below
    single ids all that can follow are alike. At the highest order c counts
    occurrences, below it the different ids that come before. D is one of three
    discounts of each order, for counts of 1, of 2, and of 3 and more, estimated from
    the number of n-grams that were counted once to four times.

    A piece is its ids and EOS. `order - 1` times BOS stand before it as context only;
    so all ids may follow but BOS and PAD.

    Args:
        pieces: int arrays of ids to count.
        order: ids of an n-gram, 1 or more: one more than the context has.
        vocabulary_size: V, special ids included.

    Attributes:
        order: as given.
        discounts: float64 `[order, 3]`, of single ids first.

    Raises:
        ValueError: the order is not positive, there are no pieces, or an id is not
            one of music.

    Reference:
        [Chen and Goodman, 1998](https://dash.harvard.edu/handle/1/25104739), section
        3, equations 24 to 26 for the discounts.
    """

    def __init__(self, pieces: Iterable[np.ndarray], order: int, vocabulary_size: int):
        if order < 1:
            raise ValueError(f"order must be at least 1, got {order}")
        self.order = order
        self._vocabulary_size = vocabulary_size
        self._levels: list[_Level] = []
        discounts = []
        tokens = self._tokens(pieces)
        # Numbers of the n-grams that end at each token; of length 0 there is one.
        names, num_contexts = np.zeros(len(tokens), np.int64), 1
        keys, names = np.unique(self._keys(names, tokens), return_inverse=True)
        for length in range(1, order + 1):
            if length == order:
                counts = np.bincount(names)
            else:
                longer_keys, longer_names = np.unique(
                    self._keys(names, tokens), return_inverse=True
                )
                # Each longer n-gram is an id and, behind it, one of these.
                endings = np.empty(len(longer_keys), np.int64)
                endings[longer_names] = names
                counts = np.bincount(endings, minlength=len(keys))
            counts[keys % vocabulary_size == BOS] = 0  # a context only
            discounts.append(_discounts(counts))
            self._levels.append(self._level(keys, counts, discounts[-1], num_contexts))
            if length < order:
                num_contexts, keys, names = len(keys), longer_keys, longer_names
        self.discounts = np.array(discounts)

    def nats(self, pieces: Iterable[np.ndarray]) -> np.ndarray:
        """The negative log-likelihood of each id, and of each piece's EOS behind it.

        Args:
            pieces: int arrays of ids.

        Returns:
            float64 `[all ids and one EOS a piece]`, in nats, piece after piece.

        Raises:
            ValueError: there are no pieces, or an id is not one of music.
        """
        tokens = self._tokens(pieces)
        names = np.zeros(len(tokens), np.int64)
        probability = np.full(len(tokens), 1 / (self._vocabulary_size - 2))
        for level in self._levels:
            context = _before(names)
            keys = self._keys(names, tokens)
            names = np.searchsorted(level.keys, keys)
            names = np.minimum(names, len(level.keys) - 1)
            # An unknown context's number is -1, which makes a key below all others.
            names[level.keys[names] != keys] = -1
            probability *= np.where(context < 0, 1.0, level.rest[context])
            probability += np.where(names < 0, 0.0, level.own[names])
        return -np.log(probability[tokens != BOS])

    def _tokens(self, pieces):
        """int64 `[T]`: all pieces, BOS before and EOS behind each."""
        begin, end = np.full(self.order - 1, BOS), np.array([EOS])
        parts = []
        for piece in pieces:
            piece = np.asarray(piece, np.int64)
            lowest, highest = NUM_SPECIAL, self._vocabulary_size - 1
            if ((piece < lowest) | (piece > highest)).any():
                raise ValueError(f"expected ids from {lowest} to {highest}")
            parts += [begin, piece, end]
        if not parts:
            raise ValueError("expected at least one piece")
        return np.concatenate(parts)

    def _keys(self, names, tokens):
        """What tells apart the n-grams that end at each token, one id longer."""
        return _before(names) * self._vocabulary_size + tokens

    def _level(self, keys, counts, discounts, num_contexts) -> _Level:
        context = keys // self._vocabulary_size
        taken = np.concatenate([[0.0], discounts])[np.minimum(counts, 3)]
        totals = np.bincount(context, counts, num_contexts)
        rest = np.bincount(context, taken, num_contexts)
        heard = totals > 0  # else nothing follows this context but another piece
        rest = np.where(heard, rest / np.maximum(totals, 1), 1.0)
        own = (counts - taken) / np.maximum(totals, 1)[context]
        return _Level(keys, own, rest)


def _before(names):
    """The numbers one token earlier; the very first token is BOS, or has no context."""
    return np.concatenate([names[:1] * 0, names[:-1]])


def _discounts(counts: np.ndarray) -> np.ndarray:
    """float64 `[3]`: what counts of 1, of 2, and of 3 and more are lowered by."""
    once, twice, thrice, four_times = np.bincount(counts[counts < 5], minlength=5)[1:]
    if min(once, twice, thrice, four_times) > 0:
        share = once / (once + 2 * twice)
        ratios = np.array([twice / once, thrice / twice, four_times / thrice])
        discounts = np.arange(1, 4) - np.arange(2, 5) * share * ratios
        if discounts.min() > 0:
            return discounts
    return FALLBACK_DISCOUNTS
