import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.export.token_music import (
    MULTITRACK,
    PEDAL,
    REMI,
    TABLES,
    TOKENIZERS,
    check,
    likely_ids,
)
from tests.tokenizers.metric_music import ids_of, in_quarters, sequences
from tfmusic.export import runtime
from tfmusic.music import read_sequence
from tfmusic.tokenizers import BOS, EOS, PAD


@pytest.mark.parametrize("name", TOKENIZERS)
@given(data=st.data())
def test_any_ids_become_the_tokenizers_notes(name, data):
    tokenizer = TOKENIZERS[name]
    check(tokenizer, data.draw(likely_ids(tokenizer)))


@pytest.mark.parametrize("name", TOKENIZERS)
def test_special_ids_at_the_ends_alone_are_left_out(name):
    tokenizer = TOKENIZERS[name]
    for ids in ([], [PAD, BOS, EOS], [BOS, 3, PAD, BOS, -1, EOS, PAD]):
        check(tokenizer, ids)
    _, num_invalid = runtime.decode([-1, BOS, PAD, -1, EOS], TABLES[tokenizer])
    assert num_invalid == 4


NOTE = "NOTE_ON 60 TIME_SHIFT 1 NOTE_OFF 60 TIME_SHIFT 1 "
OTHER = "NOTE_ON 64 TIME_SHIFT 1 NOTE_OFF 64 TIME_SHIFT 1 "


@pytest.mark.parametrize(
    "text",
    [
        f"SUSTAIN_ON 0 {NOTE} SUSTAIN_OFF 0 {OTHER}",  # until the pedal lifts
        f"SUSTAIN_ON 0 {NOTE} SUSTAIN_OFF 0 SUSTAIN_ON 0 {NOTE}",  # and falls at once
        f"SUSTAIN_ON 0 {NOTE} {NOTE} {OTHER}",  # until it is struck again, or the end
        f"SUSTAIN_ON 0 {NOTE} {OTHER} TIME_SHIFT 9",  # the end is the last event
        f"SUSTAIN_ON 0 {NOTE} SUSTAIN_OFF 0 TIME_SHIFT 1 SUSTAIN_ON 0",
        f"{NOTE} SUSTAIN_ON 0 {OTHER} TIME_SHIFT 1 NOTE_ON 60 NOTE_OFF 60",
        "SUSTAIN_ON 0 NOTE_ON 60 NOTE_ON 60 TIME_SHIFT 1 NOTE_OFF 60 TIME_SHIFT 1",
        f"NOTE_ON 64 NOTE_ON 60 {NOTE} SUSTAIN_ON 0 TIME_SHIFT 1",
    ],
)
def test_what_a_pedal_holds_lasts_as_long_as_the_tokenizer_s(text):
    check(PEDAL, ids_of(PEDAL, text))


def test_tempos_of_a_bar_go_by_their_place():
    early, late = "TEMPO_CLASS 0 TEMPO_VALUE 0 ", "TEMPO_CLASS 2 TEMPO_VALUE 7 "
    note = "PITCH 60 VELOCITY 9 DURATION 64 "
    bar = f"BAR 16 POSITION 9 {late} POSITION 3 {early} {late} {early} {note}"
    check(REMI, ids_of(REMI, bar + bar + "BAR 16"))


@pytest.mark.parametrize("name", ["remi", "multitrack"])
@given(sequence=sequences())
def test_music_becomes_the_tokenizers_notes(name, sequence):
    tokenizer = TOKENIZERS[name]
    check(tokenizer, [BOS, *tokenizer.encode(sequence).tolist(), EOS])


@given(sequences(), st.sets(st.integers(0, 3)))
def test_filled_bars_become_the_tokenizers_notes(sequence, bars):
    ids = MULTITRACK.encode(sequence)
    count = int(np.sum(ids == MULTITRACK.vocabulary.encode("BAR_END", 0)))
    masked = MULTITRACK.mask_bars(ids, [bar for bar in bars if bar < count])
    check(MULTITRACK, masked.tolist())


def test_drums_are_written_as_drums(tmp_path):
    sequence = in_quarters([(60, 0, 1), (36, 1, 2, {"is_drum": True, "instrument": 1})])
    for tokenizer in (REMI, MULTITRACK):
        notes, _ = runtime.decode(tokenizer.encode(sequence), TABLES[tokenizer])
        runtime.write_midi(notes, tmp_path / "music.mid")
        read = read_sequence(tmp_path / "music.mid")
        assert [(note.pitch, note.is_drum) for note in read.notes] == [
            (60, False),
            (36, True),
        ]
