"""The longest run of symbols that a piece has in common with a corpus.

Windows of one length are found by rolling hashes. A piece that shares a run of some
length shares all shorter ones, so the longest is found by bisection, for all pieces
at once; the places in the corpus where shorter windows were found are all that longer
ones are sought at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

CHUNK = 2**20  # symbols of the corpus at a time
FIRST_LENGTH = 8
MOST_TABLE = 2**22  # entries


@dataclasses.dataclass(frozen=True)
class Copy:
    """A run that stands in a piece and in the corpus.

    Attributes:
        length: symbols; 0 where not even one is shared.
        offset: where it begins in the piece.
        source: number of the corpus's piece, its first that has the run.
        source_offset: where it begins there.
    """

    length: int = 0
    offset: int = 0
    source: int = 0
    source_offset: int = 0


class Corpus:
    """Pieces to look for copies from.

    Args:
        pieces: int arrays of symbols, 0 or more; consumed one by one.
    """

    def __init__(self, pieces: Iterable[np.ndarray]):
        # Kept apart by a symbol that no piece has, so that runs end with the piece.
        arrays, starts, length = [], [], 0
        for piece in pieces:
            starts.append(length)
            arrays += [np.asarray(piece, np.int32), np.array([-1], np.int32)]
            length += len(piece) + 1
        self.starts = np.array(starts, np.int64)
        self.symbols = np.concatenate([np.zeros(0, np.int32), *arrays])

    def longest_copies(self, pieces: Sequence[np.ndarray]) -> list[Copy]:
        """The longest run that each piece shares with one piece of the corpus.

        Exact: hashes that are equal by chance are found out.

        Args:
            pieces: int arrays of symbols, 0 or more.
        """
        seed = 0
        while True:
            try:
                return _Search(self, pieces, seed).run()
            except _Collision:
                seed += 1


class _Collision(Exception):
    """Two runs have one hash: search again with other hashes."""


class _Search:
    """One search, with the hashes of one seed."""

    def __init__(self, corpus: Corpus, pieces: Sequence[np.ndarray], seed: int):
        self.starts, self.text = corpus.starts, corpus.symbols
        self.pieces = [np.asarray(piece, np.int32) for piece in pieces]
        self.longest = max(map(len, self.pieces), default=0)
        self.found = [(0, 0, 0)] * len(self.pieces)  # length, offset, place in text
        highest = max(
            [piece.max(initial=0) for piece in self.pieces] + [self.text.max(initial=0)]
        )
        # Symbol s is read as random number s, -1 as the last one. A window's hash is
        # the sum of these times the powers of an odd number, modulo 2^64.
        generator = np.random.default_rng(seed)
        self.numbers = generator.integers(0, 2**64, highest + 2, np.uint64)
        base = int(generator.integers(0, 2**63)) * 2 + 1
        size = min(CHUNK, len(self.text)) + self.longest + 1
        self.powers = _powers(base, size)
        self.inverses = _powers(pow(base, -1, 2**64), size)

    def run(self) -> list[Copy]:
        everyone = np.arange(len(self.pieces))
        self._bisect(0, self.longest + 1, everyone, None)
        return [self._copy(*found) for found in self.found]

    def _copy(self, length: int, offset: int, place: int) -> Copy:
        if not length:
            return Copy()
        source = int(np.searchsorted(self.starts, place, side="right")) - 1
        return Copy(length, offset, source, int(place - self.starts[source]))

    def _bisect(self, low, high, alive, places) -> None:
        """Finds the longest runs of some pieces.

        Args:
            low: all of them share a run of this length.
            high: none of them shares one of this length.
            alive: the pieces' numbers.
            places: where windows of length `low` were found; None for anywhere.
        """
        if high - low <= 1 or not len(alive):
            return
        middle = min(2 * low or FIRST_LENGTH, (low + high) // 2)
        shared, new_places = self._match(middle, alive, places)
        self._bisect(middle, high, alive[shared], new_places)
        self._bisect(low, middle, alive[~shared], places)

    def _match(self, length, alive, places):
        """Which pieces share a window of this length, and where such windows are."""
        windows = [self._hashes(self.pieces[index], length) for index in alive]
        targets, inverse = np.unique(np.concatenate(windows), return_inverse=True)
        shared = np.zeros(len(alive), bool)
        if not len(targets) or length > len(self.text):
            return shared, np.zeros(0, np.uint32)
        first, places = self._scan(length, targets, places)
        begin = 0
        for row, window in enumerate(windows):
            where = first[inverse[begin : begin + len(window)]]
            begin += len(window)
            hits = np.flatnonzero(where >= 0)
            if len(hits):
                offset, place = int(hits[0]), int(where[hits[0]])
                piece = self.pieces[alive[row]][offset : offset + length]
                if not np.array_equal(piece, self.text[place : place + length]):
                    raise _Collision
                self.found[alive[row]] = length, offset, place
                shared[row] = True
        return shared, places

    def _scan(self, length, targets, places):
        """Goes through the text for windows with one of some hashes.

        Args:
            length: of a window.
            targets: uint64 `[K]`, ascending.
            places: where to look, ascending; None for everywhere.

        Returns:
            int64 `[K]`, the first place of each hash or -1, and all places.
        """
        bits = int(min(MOST_TABLE, max(2**12, 32 * len(targets)))).bit_length()
        shift = np.uint64(64 - bits)
        table = np.zeros(2**bits, bool)
        table[targets >> shift] = True
        first, kept = np.full(len(targets), -1, np.int64), []
        last = len(self.text) - length + 1  # windows
        for begin in range(0, last, CHUNK):
            end = min(begin + CHUNK, last)
            if places is None:
                hashes = self._hashes(self.text[begin : end + length - 1], length)
                index = np.flatnonzero(table[hashes >> shift])
                hashes = hashes[index]
            else:
                bounds = np.searchsorted(places, [begin, end])
                index = places[slice(*bounds)].astype(np.int64) - begin
                if not len(index):
                    continue
                hashes = self._hashes_at(begin, end, index, length)
            at = np.minimum(np.searchsorted(targets, hashes), len(targets) - 1)
            hit = targets[at] == hashes
            at, index = at[hit], index[hit] + begin
            kept.append(index.astype(np.uint32))
            earliest = np.full(len(targets), -1, np.int64)
            earliest[at[::-1]] = index[::-1]  # of several, the last to be written
            first = np.where(first < 0, earliest, first)
        return first, np.concatenate([np.zeros(0, np.uint32), *kept])

    def _hashes_at(self, begin, end, index, length):
        """The hashes of the text's windows at some places after `begin`."""
        if len(index) * length * 4 < end - begin:
            rows = self.text[begin + index[:, None] + np.arange(length)]
            return (self.numbers[rows] * self.powers[:length]).sum(axis=1)
        return self._hashes(self.text[begin : end + length - 1], length)[index]

    def _hashes(self, symbols, length):
        """uint64 `[max(T - length + 1, 0)]`: the hash of each window of `[T]`."""
        if len(symbols) < length:
            return np.zeros(0, np.uint64)
        sums = np.zeros(len(symbols) + 1, np.uint64)
        np.cumsum(self.numbers[symbols] * self.powers[: len(symbols)], out=sums[1:])
        windows = sums[length:] - sums[:-length]
        return windows * self.inverses[: len(windows)]


def _powers(base: int, size: int) -> np.ndarray:
    """uint64 `[size]`: 1, base, its square and so on, modulo 2^64."""
    powers = np.full(size, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)
