import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokenizers.music import sequences
from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers import BOS, EOS, PAD, MelodyTokenizer
from tfmusic.tokenizers.melody import read_melody

HOLD, REST, NOTE = 3, 4, 5  # NOTE is that of pitch 36
STEP = 0.125  # seconds of a 16th at 120 quarters a minute


def melody(*notes, total_steps=0, key=None):
    """A sequence of notes (pitch, start, end), times in steps at 120."""
    sequence = NoteSequence(total_time=total_steps * STEP)
    for pitch, start, end in notes:
        sequence.notes.add(
            pitch=pitch, start_time=start * STEP, end_time=end * STEP, velocity=90
        )
    if key is not None:
        sequence.key_signatures.add(key=key)
    return sequence


def as_tuples(sequence):
    return [
        (note.pitch, note.start_time / STEP, note.end_time / STEP)
        for note in sequence.notes
    ]


def test_first_bar_of_a_song():
    # Two eighths on G4, a quarter, an eighth's rest and an eighth; the last 16th rests.
    notes = [(67, 0, 2), (67, 2, 4), (72, 4, 8), (64, 10, 12)]
    ids = MelodyTokenizer().encode(melody(*notes, total_steps=13, key=0))
    assert ids.dtype == np.int32
    assert ids.tolist() == [
        36, 3,  # NOTE(67) HOLD: 5 + pitch - 36
        36, 3,  # NOTE(67) HOLD, struck again
        41, 3, 3, 3,  # NOTE(72), a quarter
        4, 4,  # REST REST
        33, 3,  # NOTE(64) HOLD
        4,  # REST
    ]  # fmt: skip
    back, num_invalid = MelodyTokenizer().decode(ids)
    assert as_tuples(back) == notes
    assert back.total_time == 13 * STEP
    assert num_invalid == 0


def test_the_vocabulary_is_hold_rest_and_61_pitches():
    vocabulary = MelodyTokenizer().vocabulary
    assert vocabulary.size == 66
    assert vocabulary.decode(3) == ("HOLD", 0)
    assert vocabulary.decode(4) == ("REST", 0)
    assert vocabulary.decode(5) == ("NOTE", 36)  # C2
    assert vocabulary.decode(65) == ("NOTE", 96)  # C7


@given(st.lists(st.integers(3, 65), max_size=40), st.booleans(), st.floats(20, 300))
def test_ids_come_back(ids, transpose, qpm):
    tokenizer = MelodyTokenizer(transpose_to_c=transpose)
    allowed, state = [], 0
    for token in ids:
        if tokenizer.grammar.allowed[state, token]:
            allowed.append(token)
            state = tokenizer.grammar.advance(state, token)
    sequence, num_invalid = tokenizer.decode(allowed, qpm=qpm)
    assert num_invalid == 0
    assert tokenizer.encode(sequence).tolist() == allowed


@given(sequences(), st.booleans())
def test_music_comes_back_once_encoded(sequence, transpose):
    tokenizer = MelodyTokenizer(transpose, 6 if transpose else 0, 122)
    sequence.key_signatures.add(key=5)
    try:
        ids = tokenizer.encode(sequence)
    except UserError:
        pitches, _ = read_melody(sequence)
        assert max(pitches) + 7 * transpose > 122 or min(pitches[pitches >= 0]) < 11
        return
    back, num_invalid = tokenizer.decode(ids)
    assert num_invalid == 0
    np.testing.assert_array_equal(tokenizer.encode(back), ids)
    states = tokenizer.grammar.states(ids)
    assert tokenizer.grammar.allowed[states[:-1], ids].all()


@given(st.lists(st.integers(-3, 70) | st.integers(-(2**40), 2**40), max_size=40))
def test_any_ids_decode(ids):
    tokenizer = MelodyTokenizer()
    sequence, num_invalid = tokenizer.decode(ids)
    while ids and ids[0] in (PAD, EOS, BOS):
        ids = ids[1:]
    while ids and ids[-1] in (PAD, EOS, BOS):
        ids = ids[:-1]
    kept = []
    for token in ids:
        held = bool(kept) and kept[-1] != REST
        if 3 <= token < 66 and (token != HOLD or held):
            kept.append(token)
    assert tokenizer.encode(sequence).tolist() == kept
    assert num_invalid == len(ids) - len(kept)


@given(sequences())
def test_a_melody_is_the_highest_note_of_each_step(sequence):
    pitches, begins = read_melody(sequence)
    notes = [note for note in sequence.notes if not note.is_drum]
    # The first step whose start is at most 0.2 steps before the time.
    step = [[first(note.start_time), first(note.end_time)] for note in notes]
    assert len(pitches) == first(sequence.total_time)
    before = -1
    for index, pitch in enumerate(pitches):
        sounding = [
            (note.pitch, start)
            for note, (start, end) in zip(notes, step, strict=True)
            if start <= index < end
        ]
        highest = max(sounding, default=(-1, None))
        assert pitch == highest[0]
        assert begins[index] == (
            pitch >= 0 and (pitch != before or highest[1] == index)
        )
        before = pitch


def first(seconds):
    return int(np.ceil(seconds / 60 * 120 * 4 - 0.2))


def test_a_lower_note_comes_to_the_surface():
    # C5 over a held G4: where C5 ends G4 is heard, and its token says so.
    ids = MelodyTokenizer().encode(melody((67, 0, 4), (72, 1, 2), key=0))
    assert ids.tolist() == [NOTE + 31, NOTE + 36, NOTE + 31, HOLD]


def test_drums_are_left_out():
    sequence = melody((60, 0, 1), key=0)
    sequence.notes.add(pitch=80, start_time=0, end_time=STEP, is_drum=True)
    assert MelodyTokenizer().encode(sequence).tolist() == [NOTE + 24]


def test_silence_is_rests():
    assert MelodyTokenizer().encode(melody(total_steps=3)).tolist() == [REST] * 3
    assert MelodyTokenizer().encode(NoteSequence()).tolist() == []


def test_music_goes_to_c_by_its_key_signature():
    song = melody((62, 0, 1), (66, 1, 2), (69, 2, 4), key=2)  # D major
    ids = MelodyTokenizer().encode(song)
    assert ids.tolist() == [NOTE + 24, NOTE + 28, NOTE + 31, HOLD]  # C4 E4 G4
    back, _ = MelodyTokenizer().decode(ids)
    assert [note.pitch for note in back.notes] == [60, 64, 67]
    assert [(key.key, key.mode) for key in back.key_signatures] == [(0, 0)]
    as_it_is = MelodyTokenizer(transpose_to_c=False)
    assert as_it_is.encode(song).tolist() == [NOTE + 26, NOTE + 30, NOTE + 33, HOLD]
    assert not as_it_is.decode(ids)[0].key_signatures


def test_music_without_a_key_signature_goes_to_c_by_ear():
    scale = [0, 2, 4, 5, 7, 9, 11, 12]
    notes = [(65 + degree, 2 * k, 2 * k + 2) for k, degree in enumerate(scale)]
    notes.append((65, 16, 32))  # F major
    ids = MelodyTokenizer().encode(melody(*notes))
    assert ids[0] == NOTE + 24  # C4
    assert ids[-16:].tolist() == [NOTE + 24, *[HOLD] * 15]


def test_pitches_out_of_range_are_errors():
    tokenizer = MelodyTokenizer()
    for pitch in (35, 97):
        with pytest.raises(UserError, match=rf"pitch {pitch} is outside .* 36\.\.96"):
            tokenizer.encode(melody((pitch, 0, 1), key=0))
    assert MelodyTokenizer(min_pitch=35).encode(melody((35, 0, 1), key=0)) == [5]
    for option in ({"min_pitch": 97}, {"min_pitch": -1}, {"max_pitch": 128}):
        with pytest.raises(UserError, match="min_pitch and max_pitch must be"):
            MelodyTokenizer(**option)


def test_features_tell_the_beat():
    tokenizer = MelodyTokenizer()
    assert tokenizer.features == {"beat": 17}
    ids = np.array([40, HOLD, REST, 41] * 5, np.int32)
    grammar = tokenizer.grammar
    features = grammar.features(grammar.states(ids), np.concatenate([[BOS], ids]))
    assert features["beat"].tolist() == [0, *range(1, 17), 1, 2, 3, 4]


def test_what_may_follow_what():
    grammar = MelodyTokenizer().grammar
    assert grammar.next_state.shape[0] == 33
    for ids, hold, end in (
        ([], False, False),
        ([40], True, True),
        ([40, HOLD], True, True),
        ([40, REST], False, True),
        ([REST] * 16, False, True),
        ([40] * 16, True, True),
        ([40, EOS], False, False),  # the next piece starts afresh
    ):
        allowed = grammar.allowed[grammar.states(ids)[-1]]
        assert allowed[HOLD] == hold
        assert allowed[EOS] == end
        assert allowed[REST] and allowed[NOTE:].all()
        assert not allowed[PAD] and not allowed[BOS]


def test_decode_takes_a_tempo():
    sequence, _ = MelodyTokenizer().decode([40, HOLD], qpm=60)
    assert sequence.notes[0].end_time == 0.5
    assert [tempo.qpm for tempo in sequence.tempos] == [60]


def test_the_hash_is_pinned():
    # Token files, checkpoints and exported graphs carry it: a change makes them stale.
    assert MelodyTokenizer().hash == "092ece34"
    assert MelodyTokenizer(max_pitch=95).hash != MelodyTokenizer().hash
