"""Every note has its tokens, and they stand where it sounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tokenizers.metric_music import sequences as metric_sequences
from tests.tokenizers.music import first_begun_first_ended
from tests.tokenizers.music import sequences as played_sequences
from tests.tokenizers.test_tokenizer import KeysTokenizer
from tfmusic.errors import UserError
from tfmusic.tokenizers import (
    ChoraleTokenizer,
    MelodyTokenizer,
    MultitrackTokenizer,
    PerformanceTokenizer,
    RemiTokenizer,
    get_tokenizer,
)
from tfmusic.visualization.token_notes import token_notes


def check(tokenizer, ids):
    """What holds of every tokenizer."""
    places = token_notes(ids, tokenizer)
    assert len(places) == len(ids) == len(places.names)
    notes = places.sequence.notes
    assert set(places.note) - {-1} == set(range(len(notes)))
    assert (places.start <= places.end).all()
    for index, note in enumerate(notes):
        tokens = np.flatnonzero(places.note == index)
        assert places.start[tokens[0]] == pytest.approx(note.start_time, abs=1e-3)
        for token in tokens:
            name, value = tokenizer.vocabulary.decode(int(ids[token]))
            if tokenizer.pitched[ids[token]] or name.startswith("DRUM"):
                assert value == note.pitch == places.pitch[token], name
            assert places.start[token] <= note.end_time + 1e-3
    told = places.note >= 0
    pitched = tokenizer.pitched[np.asarray(ids, int)]
    assert told[pitched].all(), "every token with a pitch is of a note"
    assert (places.pitch[~told] == -1).all()
    return places


@given(played_sequences(), st.sampled_from(["apply", "keep"]))
@settings(max_examples=50)
def test_performances(sequence, sustain):
    tokenizer = PerformanceTokenizer(sustain=sustain)
    ids = tokenizer.encode(first_begun_first_ended(sequence))
    check(tokenizer, ids)


@given(metric_sequences())
@settings(max_examples=50)
def test_bars_and_tracks(sequence):
    for tokenizer in (RemiTokenizer(chords=True, drums=True), MultitrackTokenizer(2)):
        check(tokenizer, tokenizer.encode(sequence))


@given(st.lists(st.sampled_from([3, 20, 20, 21, 40]), max_size=40))
@settings(max_examples=50)
def test_four_voices(ids):
    tokenizer = ChoraleTokenizer()
    places = check(tokenizer, np.array(ids[: len(ids) // 4 * 4], np.int32))
    assert places.start.tolist() == [k // 4 * 0.125 for k in range(len(places))]


def test_a_melody_holds_its_notes():
    tokenizer = MelodyTokenizer()
    hold, rest = (tokenizer.vocabulary.encode(name, 0) for name in ("HOLD", "REST"))
    c, d = tokenizer.vocabulary.encode("NOTE", np.array([60, 62]))
    places = check(tokenizer, np.array([rest, c, hold, c, rest, d, hold]))
    assert places.note.tolist() == [-1, 0, 0, 1, -1, 2, 2]
    assert places.names == ["REST", "C4", "HOLD", "C4", "REST", "D4", "HOLD"]
    assert places.end[-1] == 7 * 0.125


def test_what_ends_a_note_and_what_is_none():
    tokenizer = PerformanceTokenizer()
    encode = tokenizer.vocabulary.encode
    ids = [encode("VELOCITY", 20), encode("NOTE_ON", 60), encode("TIME_SHIFT", 50)]
    ids += [encode("NOTE_OFF", 60), encode("TIME_SHIFT", 100), encode("NOTE_ON", 64)]
    ids += [encode("TIME_SHIFT", 10), encode("NOTE_OFF", 64)]
    places = check(tokenizer, np.array(ids))
    assert places.names[:3] == ["VELOCITY 20", "NOTE_ON C4", "TIME_SHIFT 50"]
    assert places.note.tolist() == [-1, 0, -1, 0, -1, 1, -1, 1]
    # What tells of no note stands where the next one begins.
    assert places.start.tolist() == [0, 0, 1.5, 0.5, 1.5, 1.5, 1.6, 1.6]
    assert places.end.tolist() == [0, 0.5, 1.5, 0.5, 1.5, 1.6, 1.6, 1.6]


def test_the_beginning_has_its_own_notes_and_bos():
    tokenizer = ChoraleTokenizer()
    grid = [[72, 67, 64, 48]] * 2 + [[74, 67, 65, -1]] * 2
    ids = tokenizer.grid_to_ids(grid)
    places = token_notes(ids, tokenizer).beginning(10, with_bos=True)
    assert places.names[:2] == ["beginning", "Soprano C5"] and len(places) == 11
    assert places.note.tolist() == [-1, 0, 1, 2, 3, 0, 1, 2, 3, 4, 1]
    assert [note.pitch for note in places.sequence.notes] == [72, 67, 64, 48, 74]
    assert places.sequence.total_time == places.sequence.notes[-1].end_time == 0.375
    assert places.at() == 9 and places.at(0.3) == 9 and places.at(0.1) == 4
    whole = token_notes(ids, tokenizer).beginning(16, with_bos=False)
    assert whole.note.tolist() == token_notes(ids, tokenizer).note.tolist()


def test_music_of_rests_has_no_notes():
    tokenizer = get_tokenizer("chorale")
    places = token_notes(np.full(8, 3), tokenizer).beginning(8, with_bos=False)
    assert places.at() == 0 and not places.sequence.notes
    assert set(places.pitch) == {-1}


def test_another_tokenizer_is_refused():
    class Other(KeysTokenizer):
        def decode(self, ids):
            return ChoraleTokenizer().decode([])

    with pytest.raises(UserError, match="which tokens of tokenizer keys are notes"):
        token_notes(np.array([3]), Other())
