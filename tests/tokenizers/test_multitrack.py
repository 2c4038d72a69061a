import pathlib
import zipfile

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.tokenizers.metric_music import events, ids_of, in_quarters, sequences
from tfmusic.errors import UserError
from tfmusic.tokenizers import BOS, EOS, MultitrackTokenizer
from tfmusic.tokenizers.multitrack_grammar import FIRST_PITCH

POP909 = pathlib.Path(__file__).parents[2] / "../shared/data/pop909-main.zip"

TOKENIZER = MultitrackTokenizer()
BASS = {"program": 33, "instrument": 1}
DRUMS = {"program": 7, "instrument": 2, "is_drum": True}


def plain(tokenizer, ids):
    """Events without the 0 of what has no value."""
    return [
        event.removesuffix(" 0")
        if event.split()[0] not in ("INSTRUMENT", "DENSITY")
        else event
        for event in events(tokenizer, ids)
    ]


def test_two_tracks_and_drums():
    sequence = in_quarters(
        [
            (36, 0, 1, DRUMS),
            (42, 0, 1, DRUMS),
            (40, 0, 1, BASS),
            (40, 1, 5, BASS),
            (60, 0.5, 4),
            (64, 0.5, 1),
            (62, 7, 8),
        ]
    )
    assert plain(TOKENIZER, TOKENIZER.encode(sequence)) == [
        "PIECE_START",
        *["TRACK_START", "INSTRUMENT 0", "DENSITY 0"],  # 1.5 notes in four quarters
        "BAR_START 16",  # in 16ths
        *["TIME_DELTA 6", "NOTE_ON 60", "NOTE_ON 64"],  # an eighth passes first
        *["TIME_DELTA 6", "NOTE_OFF 64", "TIME_DELTA 36", "NOTE_OFF 60"],
        "BAR_END",
        "BAR_START 16",
        *["TIME_DELTA 36", "NOTE_ON 62", "TIME_DELTA 12", "NOTE_OFF 62"],
        "BAR_END",
        "TRACK_END",
        *["TRACK_START", "INSTRUMENT 33", "DENSITY 0"],
        "BAR_START 16",
        *["NOTE_ON 40", "TIME_DELTA 12", "NOTE_OFF 40", "NOTE_ON 40"],
        "BAR_END",  # the note goes on
        *["BAR_START 16", "TIME_DELTA 12", "NOTE_OFF 40", "BAR_END"],
        "TRACK_END",
        *["TRACK_START", "DRUMS", "DENSITY 0"],
        *["BAR_START 16", "DRUM_ON 36", "DRUM_ON 42", "BAR_END"],
        *["BAR_START 16", "BAR_END"],
        "TRACK_END",
    ]


def test_the_ids_of_the_first_note():
    ids = TOKENIZER.encode(in_quarters([(60, 0, 1, {"program": 33})]))
    assert ids.dtype == np.int32
    assert ids.tolist() == [
        3,  # PIECE_START
        4,  # TRACK_START
        39,  # INSTRUMENT(33), a bass: 6 + 33
        135,  # DENSITY(0): one note a bar
        160,  # BAR_START(16): 145 + 16 - 1
        238,  # NOTE_ON(60): 178 + 60
        573,  # TIME_DELTA(12), a quarter: 562 + 12 - 1
        366,  # NOTE_OFF(60): 306 + 60
        177,  # BAR_END
        5,  # TRACK_END
    ]
    assert TOKENIZER.vocabulary.size == 613


@pytest.mark.parametrize("meter, steps", [((3, 4), 12), ((6, 8), 12), ((7, 8), 14)])
def test_bars_tell_their_length(meter, steps):
    ids = TOKENIZER.encode(in_quarters([(60, 0, 1), (60, 4, 5)], meter=meter))
    bars = [event for event in events(TOKENIZER, ids) if "BAR_START" in event]
    assert bars == [f"BAR_START {steps}"] * 2
    sequence, _ = TOKENIZER.decode(ids)
    assert sequence.total_time == 2 * steps / 8  # 8 16ths a second


def test_a_time_longer_than_48_steps_is_two():
    ids = TOKENIZER.encode(in_quarters([(60, 5, 6)], meter=(3, 2)))
    assert plain(TOKENIZER, ids)[5:8] == [
        "TIME_DELTA 48",
        "TIME_DELTA 12",
        "NOTE_ON 60",
    ]


def test_triplets_are_exact():
    notes = [(60 + i, i / 3, (i + 1) / 3) for i in range(3)]
    ids = TOKENIZER.encode(in_quarters(notes, qpm=96))
    deltas = [e for e in events(TOKENIZER, ids) if "TIME_DELTA" in e]
    assert deltas == ["TIME_DELTA 4"] * 3


@pytest.mark.parametrize(
    "num_notes, density", [(1, 0), (2, 1), (4, 3), (8, 5), (14, 7), (24, 9), (48, 9)]
)
def test_density_is_reckoned_in_four_quarters(num_notes, density):
    for meter, quarters in (((4, 4), 4), ((2, 4), 4)):
        notes = [(i, quarters * i / 48, quarters) for i in range(num_notes)]
        ids = TOKENIZER.encode(in_quarters(notes, meter=meter))
        assert events(TOKENIZER, ids)[3] == f"DENSITY {density}"


def test_windows_hold_their_bars():
    notes = [(60, 0, 12), (62, 4, 5), (60, 14, 16), (40, 17, 18, BASS)]
    tokenizer = MultitrackTokenizer(num_bars=2)
    ids = tokenizer.encode(in_quarters(notes))
    expected = [
        "PIECE_START",
        *["TRACK_START", "INSTRUMENT 0", "DENSITY 0"],
        *["BAR_START 16", "NOTE_ON 60", "BAR_END"],
        *["BAR_START 16", "NOTE_ON 62", "TIME_DELTA 12", "NOTE_OFF 62"],
        *["TIME_DELTA 36", "NOTE_OFF 60", "BAR_END"],  # it ends with the window
        *["TRACK_END", "PIECE_START"],
        *["TRACK_START", "INSTRUMENT 0", "DENSITY 0"],
        *["BAR_START 16", "BAR_END", "BAR_START 16"],
        *["TIME_DELTA 24", "NOTE_ON 60", "TIME_DELTA 24", "NOTE_OFF 60", "BAR_END"],
        *["TRACK_END", "PIECE_START"],
        *["TRACK_START", "INSTRUMENT 33", "DENSITY 0"],  # the last has but one bar
        *["BAR_START 16", "TIME_DELTA 12", "NOTE_ON 40", "TIME_DELTA 12"],
        *["NOTE_OFF 40", "BAR_END", "TRACK_END"],
    ]
    assert plain(tokenizer, ids) == expected
    whole = MultitrackTokenizer(num_bars=0).encode(in_quarters(notes))
    assert plain(tokenizer, whole).count("PIECE_START") == 1
    decoded, _ = tokenizer.decode(ids)
    assert [(x.pitch, x.start_time, x.end_time) for x in decoded.notes] == [
        (60, 0, 4),
        (62, 2, 2.5),
        (60, 7, 8),
        (40, 8.5, 9),
    ]


def test_tracks_of_one_program_stay_apart():
    both = [(60, 0, 1), (60, 0, 2, {"instrument": 5}), (50, 3, 4, DRUMS)]
    decoded, _ = TOKENIZER.decode(TOKENIZER.encode(in_quarters(both)))
    tracks = [(x.instrument, x.program, x.is_drum) for x in decoded.notes]
    assert sorted(tracks) == [(0, 0, False), (1, 0, False), (2, 0, True)]


def test_transposition_leaves_drums_alone():
    ids = TOKENIZER.encode(in_quarters([(60, 0, 1), (36, 0, 1, DRUMS)]))
    assert TOKENIZER.transpose_range(ids) == (-60, 67)
    moved, _ = TOKENIZER.decode(TOKENIZER.transpose(ids, 3))
    assert [(x.pitch, x.is_drum) for x in moved.notes] == [(63, False), (36, True)]


def test_decode_takes_a_tempo():
    sequence, _ = TOKENIZER.decode(TOKENIZER.encode(in_quarters([(60, 0, 1)])), qpm=60)
    assert sequence.notes[0].end_time == 1
    assert [tempo.qpm for tempo in sequence.tempos] == [60]


@pytest.mark.parametrize("num_bars", [0, 1, 2])
@settings(max_examples=50)
@given(sequence=sequences())
def test_a_piece_comes_back(num_bars, sequence):
    tokenizer = MultitrackTokenizer(num_bars)
    ids = tokenizer.encode(sequence)
    decoded, num_invalid = tokenizer.decode(ids)
    assert num_invalid == 0
    np.testing.assert_array_equal(tokenizer.encode(decoded), ids)
    check_walk(tokenizer, ids)
    again, _ = tokenizer.decode([BOS, *ids, EOS, 0])
    assert again == decoded


def check_walk(tokenizer, ids):
    """Every id may stand where it is, and EOS after them."""
    states = tokenizer.grammar.states(ids)
    assert tokenizer.grammar.allowed[states[:-1], ids].all()
    assert not len(ids) or tokenizer.grammar.allowed[states[-1], EOS]


@pytest.mark.parametrize("num_bars", [0, 2])
@settings(max_examples=50)
@given(sequence=sequences(), data=st.data())
def test_masked_bars_walk_and_come_back(num_bars, sequence, data):
    tokenizer = MultitrackTokenizer(num_bars)
    ids = tokenizer.encode(sequence)
    count = int(np.sum(ids == tokenizer.vocabulary.encode("BAR_END", 0)))
    bars = data.draw(st.sets(st.integers(0, max(0, count - 1)), max_size=count))
    masked = tokenizer.mask_bars(ids, sorted(bars))
    assert len(masked) == len(ids) + 3 * len(bars)
    check_walk(tokenizer, masked)
    np.testing.assert_array_equal(tokenizer.fill_bars(masked), ids)
    assert tokenizer.decode(masked) == tokenizer.decode(ids)


any_ids = st.lists(
    st.integers(-3, TOKENIZER.vocabulary.size + 3)
    | st.integers(-(2**40), 2**40)
    | st.sampled_from(ids_of(TOKENIZER, "PIECE_START 0 TRACK_START 0 BAR_START 4"))
    | st.sampled_from(ids_of(TOKENIZER, "NOTE_ON 60 NOTE_OFF 60 TIME_DELTA 5"))
    | st.sampled_from(ids_of(TOKENIZER, "DRUMS 0 DRUM_ON 36 TRACK_END 0 BAR_END 0"))
    | st.sampled_from(ids_of(TOKENIZER, "FILL_IN 0 FILL_START 0 FILL_END 0")),
    max_size=40,
)


@given(any_ids)
@example([])
@example([-1])
def test_any_ids_decode(ids):
    sequence, num_invalid = TOKENIZER.decode(np.array(ids, np.int64))
    assert 0 <= num_invalid <= len(ids)
    for note in sequence.notes:
        assert note.end_time > note.start_time >= 0


def test_what_is_invalid_is_skipped_and_counted():
    ids = ids_of(
        TOKENIZER,
        "BAR_START 16 NOTE_ON 60 "  # outside a track: 2
        "TRACK_START 0 DENSITY 3 "  # without an instrument: 1
        "NOTE_ON 60 BAR_END 0 "  # outside a bar: 2
        "BAR_START 4 NOTE_OFF 62 DRUM_ON 36 "  # no such note, no drums: 2
        "NOTE_ON 60 NOTE_OFF 60 "  # no length: 2
        "NOTE_ON 61 TIME_DELTA 12 NOTE_ON 62 "  # at the bar's end: 1
        "TIME_DELTA 1 NOTE_OFF 61 "  # after the bar's end: 2
        "BAR_END 0 INSTRUMENT 5 "  # too late: 1
        "TRACK_END 0 TRACK_END 0 FILL_END 0 FILL_START 0",  # 3
    )
    sequence, num_invalid = TOKENIZER.decode(ids)
    assert num_invalid == 16
    (note,) = sequence.notes
    assert (note.pitch, note.start_time, note.end_time) == (61, 0, 0.5)


def test_a_struck_note_ends_the_one_before_it():
    ids = ids_of(
        TOKENIZER,
        "PIECE_START 0 TRACK_START 0 INSTRUMENT 0 DENSITY 0 BAR_START 16 "
        "NOTE_ON 60 TIME_DELTA 12 NOTE_ON 60 TIME_DELTA 12 NOTE_OFF 60 BAR_END 0",
    )
    sequence, num_invalid = TOKENIZER.decode(ids)
    assert num_invalid == 0
    assert [(x.start_time, x.end_time) for x in sequence.notes] == [(0, 0.5), (0.5, 1)]


def test_what_may_come_next():
    def following(text):
        state = TOKENIZER.grammar.states(ids_of(TOKENIZER, text))[-1]
        allowed = np.flatnonzero(TOKENIZER.grammar.allowed[state])
        named = (TOKENIZER.vocabulary.decode(int(token)) for token in allowed)
        return {name[0] if name else "EOS" for name in named}

    assert following("") == {"PIECE_START"}
    track = "PIECE_START 0 TRACK_START 0 "
    assert following(track) == {"INSTRUMENT", "DRUMS"}
    notes = track + "INSTRUMENT 0 DENSITY 0 BAR_START 16 "
    both = {"NOTE_ON", "NOTE_OFF"}
    assert following(notes) == both | {"TIME_DELTA", "BAR_END", "FILL_IN"}
    assert following(notes + "NOTE_ON 60") == both | {"TIME_DELTA", "BAR_END"}
    assert following(notes + "TIME_DELTA 6") == both | {"TIME_DELTA"}
    drums = track + "DRUMS 0 DENSITY 0 BAR_START 16 "
    assert following(drums) == {"DRUM_ON", "TIME_DELTA", "BAR_END", "FILL_IN"}
    ended = notes + "BAR_END 0 "
    assert following(ended) == {"BAR_START", "TRACK_END"}
    assert following(ended + "TRACK_END 0") == {"TRACK_START", "PIECE_START", "EOS"}
    # With a gap, the window ends only when it is filled in.
    gap = notes + "FILL_IN 0 "
    assert following(gap) == {"BAR_END"}
    gap += "BAR_END 0 TRACK_END 0 "
    assert following(gap) == {"TRACK_START", "FILL_START"}
    gap += "FILL_START 0 "
    assert following(gap) == both | {"DRUM_ON", "TIME_DELTA", "FILL_END"}
    assert following(gap + "FILL_END 0") == {"FILL_START", "PIECE_START", "EOS"}


def test_pitches_are_features():
    ids = ids_of(TOKENIZER, "NOTE_ON 0 NOTE_OFF 127 DRUM_ON 60 BAR_END 0")
    features = TOKENIZER.grammar.features(np.zeros(4, int), np.array(ids))
    assert features["pitch"].tolist() == [FIRST_PITCH, 127 + FIRST_PITCH, 0, 0]


def test_a_wrong_option_is_an_error():
    with pytest.raises(UserError, match="num_bars must be 0 or more, not -1"):
        MultitrackTokenizer(num_bars=-1)


def test_the_hash_is_pinned():
    # Token files, checkpoints and exported graphs carry it: a change makes them stale.
    assert TOKENIZER.hash == "1a9885c0"
    assert MultitrackTokenizer(num_bars=4).hash != TOKENIZER.hash


@pytest.mark.skipif(not POP909.exists(), reason="POP909 is not here")
def test_a_song_comes_back(tmp_path):
    from tfmusic.music import read_sequence

    with zipfile.ZipFile(POP909) as archive:
        name = next(x for x in archive.namelist() if x.endswith("001.mid"))
        song = read_sequence(archive.extract(name, tmp_path))
    ids = TOKENIZER.encode(song)
    decoded, num_invalid = TOKENIZER.decode(ids)
    assert num_invalid == 0
    assert 0.99 * len(song.notes) < len(decoded.notes) <= len(song.notes)
    assert len({note.instrument for note in decoded.notes}) == 3
    np.testing.assert_array_equal(TOKENIZER.encode(decoded), ids)
    check_walk(TOKENIZER, TOKENIZER.mask_bars(ids, np.arange(0, 60, 7)))
