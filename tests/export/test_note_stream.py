"""Notes become known while ids are read, and what is known stays."""

from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.export.token_music import (
    CHORALE,
    MELODY,
    MULTITRACK,
    PEDAL,
    PERFORMANCE,
    REMI,
    TABLES,
    TOKENIZERS,
    likely_ids,
)
from tests.tokenizers.metric_music import ids_of
from tfmusic.export import runtime


class Pause(Exception):
    """There are no more ids yet."""


def read(tokenizer, ids):
    """The stream and the notes that are known after some ids, before the next."""

    def source():
        yield from ids
        raise Pause

    stream = runtime.NoteStream(source(), TABLES[tokenizer])
    notes = []
    with pytest.raises(Pause):
        for note in stream:
            notes.append(note)
    return stream, notes


@pytest.mark.parametrize("name", TOKENIZERS)
@given(data=st.data())
def test_what_is_known_is_the_beginning_whatever_follows(name, data):
    tokenizer = TOKENIZERS[name]
    ids, others = data.draw(likely_ids(tokenizer)), data.draw(likely_ids(tokenizer, 20))
    _, known = read(tokenizer, ids)
    for follow in ([], others):
        notes, _ = runtime.decode(ids + follow, TABLES[tokenizer])
        assert notes[: len(known)] == known


@pytest.mark.parametrize("name", TOKENIZERS)
@given(data=st.data())
def test_a_note_is_known_when_the_music_is_past_it(name, data):
    tokenizer = TOKENIZERS[name]
    ids = data.draw(likely_ids(tokenizer))
    if tokenizer is PEDAL:  # while it is down it may hold any note
        ids += ids_of(tokenizer, "SUSTAIN_ON 0 SUSTAIN_OFF 0 TIME_SHIFT 1")
    stream, known = read(tokenizer, ids)
    notes, _ = runtime.decode(ids, TABLES[tokenizer])
    past = list(takewhile(lambda note: note.end < stream.seconds, notes))
    assert known[: len(past)] == past
    assert all(note.start < stream.seconds for note in known)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(data=st.data())
def test_no_note_begins_before_the_stream_s_seconds(name, data):
    tokenizer = TOKENIZERS[name]
    ids, others = data.draw(likely_ids(tokenizer)), data.draw(likely_ids(tokenizer))
    stream, _ = read(tokenizer, ids)
    before, after = (
        [
            (note.start, note.pitch)
            for note in runtime.decode(x, TABLES[tokenizer])[0]
            if note.start < stream.seconds
        ]
        for x in (ids, ids + others)
    )
    assert before == after


def read_at(tokenizer, text):
    """(pitch, number of events read when it is known) of each note, in its order."""
    ids = ids_of(tokenizer, text)
    stream = runtime.NoteStream(ids, TABLES[tokenizer])
    return [(note.pitch, len(stream.ids)) for note in stream]


def test_a_voice_is_known_when_it_moves_and_those_before_it_do():
    steps = (
        # soprano, alto, tenor, bass
        "PITCH 72 PITCH 67 PITCH 64 PITCH 48 "
        "PITCH 74 PITCH 67 PITCH 65 PITCH 48 "  # 72 is known, 64 waits for 67
        "PITCH 74 PITCH 69 PITCH 65 PITCH 36 "  # 67 and 64 are, and then 48
    )
    rest = [(74, 12), (65, 12), (69, 12), (36, 12)]
    assert read_at(CHORALE, steps) == [(72, 5), (67, 10), (64, 10), (48, 12), *rest]


def test_a_note_of_a_melody_is_known_when_the_next_begins():
    text = "NOTE 60 HOLD 0 NOTE 62 HOLD 0 HOLD 0 REST 0 NOTE 64"
    assert read_at(MELODY, text) == [(60, 3), (62, 6), (64, 7)]


def test_a_note_of_a_performance_is_known_when_time_passes_its_end():
    text = (
        "NOTE_ON 60 TIME_SHIFT 9 NOTE_OFF 60 NOTE_ON 62 TIME_SHIFT 9 NOTE_ON 64 "
        "TIME_SHIFT 9 NOTE_OFF 64 TIME_SHIFT 9 NOTE_OFF 62 TIME_SHIFT 9"
    )
    assert read_at(PERFORMANCE, text) == [(60, 5), (62, 11), (64, 11)]


def test_a_note_under_the_pedal_is_known_when_it_lifts_or_the_key_is_struck_again():
    text = (
        "SUSTAIN_ON 0 NOTE_ON 60 TIME_SHIFT 9 NOTE_OFF 60 NOTE_ON 62 TIME_SHIFT 9 "
        "NOTE_OFF 62 TIME_SHIFT 9 NOTE_ON 60 TIME_SHIFT 9 SUSTAIN_OFF 0 TIME_SHIFT 9"
    )
    assert read_at(PEDAL, text) == [(60, 10), (62, 12), (60, 12)]


def test_a_note_of_remi_is_known_in_the_bar_after_its_end():
    text = (
        "BAR 4 POSITION 1 PITCH 60 VELOCITY 9 DURATION 8 "
        "POSITION 3 PITCH 62 VELOCITY 9 DURATION 5 BAR 4 BAR 4"
    )
    assert read_at(REMI, text) == [(60, 10), (62, 11)]


def test_the_notes_of_a_window_are_known_at_its_end():
    bar = "BAR_START 4 NOTE_ON {} BAR_END 0 TRACK_END 0 "
    track = "TRACK_START 0 INSTRUMENT 5 DENSITY 1 " + bar
    window = "PIECE_START 0 " + track.format(60) + track.format(62)
    assert read_at(MULTITRACK, window * 2) == [(60, 16), (62, 16), (60, 30), (62, 30)]


@pytest.mark.parametrize("name", TOKENIZERS)
@given(data=st.data())
def test_music_of_so_many_seconds_is_the_beginning(name, data):
    tokenizer = TOKENIZERS[name]
    seconds = data.draw(st.sampled_from([0.15, 0.5, 1.0]))
    prime, ids = data.draw(likely_ids(tokenizer, 10)), data.draw(likely_ids(tokenizer))
    stream = runtime.NoteStream(iter(ids), TABLES[tokenizer], prime, seconds)
    notes = list(stream)
    read_prime, _ = read(tokenizer, prime)
    end = read_prime.seconds + seconds
    if stream.ids != prime + ids:  # no id more than needed
        assert read(tokenizer, stream.ids)[0].seconds >= end
        assert read(tokenizer, stream.ids[:-1])[0].seconds < end
    whole, _ = runtime.decode(stream.ids, TABLES[tokenizer])
    cut = [(note.start, min(note.end, end), note.pitch) for note in whole]
    assert [(note.start, note.end, note.pitch) for note in notes] == [
        note for note in cut if note[0] < end
    ]
