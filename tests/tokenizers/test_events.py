import numpy as np

from tfmusic.tokenizers.events import (
    NO_EVENT,
    Events,
    ahead,
    last_place,
    lay_out,
    spread,
)
from tfmusic.tokenizers.vocabulary import EventRange, Vocabulary

VOCABULARY = Vocabulary([EventRange("PITCH", 60, 62), EventRange("REST", 0, 0)])


def test_ids_have_values_and_kinds():
    events = Events(np.array([5, 6, 3]), VOCABULARY)
    assert len(events) == 3
    assert events.values.tolist() == [62, 0, 60]
    assert events.are("PITCH").tolist() == [True, False, True]
    assert events.are("REST", "PITCH").all()
    assert not events.are("CHORD").any()  # a range that isn't there


def test_no_ids_are_no_events():
    events = Events(np.zeros(0, np.int64), VOCABULARY)
    assert len(events) == 0
    assert events.are("PITCH").shape == (0,)


def test_the_last_place_and_the_one_ahead():
    where = np.array([False, True, False, True])
    assert last_place(where).tolist() == [-1, 1, 1, 3]
    assert ahead(where).tolist() == [True, False, True, False]
    assert ahead(where, 5).tolist() == [False] * 4


def test_things_are_spread():
    owner, within = spread(np.array([2, 0, 3]))
    assert owner.tolist() == [0, 0, 2, 2, 2]
    assert within.tolist() == [0, 1, 0, 1, 2]
    assert all(len(array) == 0 for array in spread(np.zeros(0, int)))


def test_rows_are_laid_out_by_their_keys():
    rows = np.array([[7, 8], [5, NO_EVENT], [6, NO_EVENT], [9, 3]])
    ids = lay_out(rows, np.array([1, 0, 0, 1]), np.array([0, 1, 0, 0]))
    assert ids.tolist() == [6, 5, 7, 8, 9, 3]
    assert ids.dtype == np.int32
