import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tokenizers.metric_music import ids_of, in_quarters, sequences
from tfmusic.export import runtime
from tfmusic.music import read_sequence
from tfmusic.tokenizers import BOS, EOS, MultitrackTokenizer, RemiTokenizer

REMI = RemiTokenizer(chords=True, drums=True)
MULTITRACK = MultitrackTokenizer(num_bars=2)
TOKENIZERS = [RemiTokenizer(), REMI, MULTITRACK]
TABLES = {tokenizer: json.loads(tokenizer.to_json()) for tokenizer in TOKENIZERS}


def check(tokenizer, ids):
    """The runtime's notes are the tokenizer's, in their order."""
    expected, num_invalid = tokenizer.decode(np.array(ids, np.int64))
    decode = runtime.DECODERS[tokenizer.name]
    notes, invalid = decode(ids, TABLES[tokenizer])
    assert invalid == num_invalid
    assert sorted(map(as_tuple, notes)) == sorted(
        (
            (note.instrument, note.start_time, note.end_time, note.pitch)
            + (note.velocity, note.program, note.is_drum)
        )
        for note in expected.notes
    )


def as_tuple(note):
    place = (note.track, note.start, note.end, note.pitch)
    return place + (note.velocity, note.program, note.is_drum)


def likely(tokenizer, *texts):
    """Random ids, in runs that often mean something."""
    runs = st.sampled_from([ids_of(tokenizer, text) for text in texts])
    any_id = st.integers(-3, tokenizer.vocabulary.size + 3) | st.just(2**40)
    run = runs | any_id.map(lambda token: [token])
    return st.lists(run, max_size=30).map(lambda runs: sum(runs, []))


@given(
    likely(
        REMI,
        "BAR 16",
        "BAR 6",
        "POSITION 1",
        "POSITION 7",
        "TEMPO_CLASS 2 TEMPO_VALUE 7",
        "TEMPO_CLASS 0 TEMPO_VALUE 0",
        "CHORD 8",
        "PITCH 60 VELOCITY 9 DURATION 8",
        "DRUM 36 VELOCITY 32 DURATION 1",
        "PITCH 62 VELOCITY 9",
    )
)
@example([])
def test_any_remi_ids_become_the_tokenizers_notes(ids):
    check(REMI, ids)


@given(
    likely(
        MULTITRACK,
        "PIECE_START 0",
        "TRACK_START 0 INSTRUMENT 5 DENSITY 1 BAR_START 16",
        "TRACK_START 0 DRUMS 0 DENSITY 1 BAR_START 12 DRUM_ON 36",
        "TRACK_START 0",
        "BAR_START 4",
        "BAR_END 0",
        "TRACK_END 0",
        "NOTE_ON 60",
        "NOTE_OFF 60",
        "DRUM_ON 38",
        "TIME_DELTA 6",
        "TIME_DELTA 40",
        "FILL_IN 0",
        "FILL_START 0",
        "NOTE_ON 64 TIME_DELTA 3 FILL_END 0",
    )
)
@example([])
def test_any_multitrack_ids_become_the_tokenizers_notes(ids):
    check(MULTITRACK, ids)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(sequence=sequences())
def test_music_becomes_the_tokenizers_notes(tokenizer, sequence):
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
        ids = tokenizer.encode(sequence).tolist()
        notes, _ = runtime.DECODERS[tokenizer.name](ids, TABLES[tokenizer])
        runtime.write_midi(notes, tmp_path / "music.mid")
        read = read_sequence(tmp_path / "music.mid")
        assert [(note.pitch, note.is_drum) for note in read.notes] == [
            (60, False),
            (36, True),
        ]
