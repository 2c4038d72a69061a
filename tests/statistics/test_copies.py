import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmusic.statistics import copies
from tfmusic.statistics.copies import Copy, Corpus

PIECES = st.lists(
    st.lists(st.integers(0, 2), max_size=30).map(lambda ids: np.array(ids, np.int32)),
    max_size=4,
)


def longest_by_hand(piece, corpus):
    """The length of the longest common run, by trying all."""
    best = 0
    for source in corpus:
        for i in range(len(piece)):
            for j in range(len(source)):
                length = 0
                while (
                    i + length < len(piece)
                    and j + length < len(source)
                    and piece[i + length] == source[j + length]
                ):
                    length += 1
                best = max(best, length)
    return best


def assert_stands_where_it_says(copy, piece, corpus):
    source = corpus[copy.source][copy.source_offset :][: copy.length]
    assert len(source) == copy.length
    np.testing.assert_array_equal(piece[copy.offset :][: copy.length], source)


def check(pieces, corpus):
    found = Corpus(corpus).longest_copies(pieces)
    assert len(found) == len(pieces)
    for copy, piece in zip(found, pieces, strict=True):
        assert copy.length == longest_by_hand(piece, corpus)
        if copy.length:
            assert_stands_where_it_says(copy, piece, corpus)


@given(PIECES, PIECES)
def test_as_trying_all_finds(pieces, corpus):
    check(pieces, corpus)


@given(PIECES, PIECES)
def test_whatever_the_chunks(pieces, corpus):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "CHUNK", 3)
        check(pieces, corpus)


@given(PIECES, PIECES)
def test_equal_hashes_of_unequal_runs_are_found_out(pieces, corpus):
    tried = []

    def bad_at_first(base, size):
        tried.append(base)
        powers = original(base, size)
        return powers if len(tried) > 2 else np.zeros_like(powers)  # all hashes are 0

    original = copies._powers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "_powers", bad_at_first)
        check(pieces, corpus)


def test_a_passage_in_a_large_corpus():
    generator = np.random.default_rng(0)
    corpus = [generator.integers(0, 4, 20_000, np.int32) for _ in range(10)]
    pieces = [generator.integers(0, 4, 500, np.int32) for _ in range(3)]
    pieces[1][40:140] = corpus[7][500:600]
    pieces[1][39], pieces[1][140] = 4, 4  # symbols that the corpus doesn't have
    found = Corpus(corpus).longest_copies(pieces)
    assert found[1] == Copy(100, 40, 7, 500)
    assert max(found[0].length, found[2].length) < 20
    assert_stands_where_it_says(found[2], pieces[2], corpus)


def test_a_run_ends_with_its_piece():
    found = Corpus([np.array([1, 2]), np.array([3, 4])]).longest_copies(
        [np.array([1, 2, 3, 4])]
    )
    assert found == [Copy(2, 0, 0, 0)]


def test_the_first_source_is_named():
    song = np.arange(20)
    found = Corpus([song[:5], song, song]).longest_copies([song])
    assert found == [Copy(20, 0, 1, 0)]


@pytest.mark.parametrize("corpus", [[], [np.array([], np.int32)]])
def test_nothing_to_copy_from(corpus):
    assert Corpus(corpus).longest_copies([np.arange(5)]) == [Copy()]
    assert Corpus(corpus).longest_copies([]) == []
