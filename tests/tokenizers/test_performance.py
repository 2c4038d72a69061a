import io
import pathlib
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokenizers.music import (
    first_begun_first_ended,
    note_seq_performance,
    note_seq_sustained,
    sequences,
)
from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence, midi_io
from tfmusic.tokenizers import BOS, EOS, PAD, PerformanceTokenizer

DATA = pathlib.Path(__file__).parents[2] / "../shared/data"
NOTE_ON, NOTE_OFF, TIME_SHIFT, VELOCITY = 3, 131, 258, 358  # what a value is added to


def piano(*notes, pedal=()):
    """Notes (pitch, start, end, velocity) and pedal changes (time, value)."""
    sequence = NoteSequence()
    for pitch, start, end, velocity in notes:
        sequence.notes.add(
            pitch=pitch, start_time=start, end_time=end, velocity=velocity
        )
    for time, value in pedal:
        sequence.control_changes.add(time=time, control_number=64, control_value=value)
    return sequence


def as_tuples(sequence):
    return [
        (note.pitch, note.start_time, note.end_time, note.velocity)
        for note in sequence.notes
    ]


def test_first_events_of_a_performance():
    # C major, whose third comes 20 ms late and softer; then G4, as soft, after a rest.
    sequence = piano(
        (60, 0.5, 1.0, 100), (67, 0.5, 1.0, 100), (64, 0.52, 1.0, 80), (67, 2.5, 3, 80)
    )
    ids = PerformanceTokenizer().encode(sequence)
    assert ids.dtype == np.int32
    assert ids.tolist() == [
        308,  # TIME_SHIFT(50), the silence before the first note
        383,  # VELOCITY(25)
        63,  # NOTE_ON(60)
        70,  # NOTE_ON(67), of the same velocity
        260,  # TIME_SHIFT(2)
        378,  # VELOCITY(20)
        67,  # NOTE_ON(64)
        306,  # TIME_SHIFT(48)
        191,  # NOTE_OFF(60)
        198,  # NOTE_OFF(67)
        195,  # NOTE_OFF(64), the last to begin
        358,  # TIME_SHIFT(100)
        308,  # TIME_SHIFT(50): 1.5 seconds
        70,  # NOTE_ON(67), the velocity still holds
        308,  # TIME_SHIFT(50)
        198,  # NOTE_OFF(67)
    ]


def test_the_vocabulary_is_388_events():
    vocabulary = PerformanceTokenizer().vocabulary
    assert vocabulary.size == 3 + 388
    assert vocabulary.decode(3) == ("NOTE_ON", 0)
    assert vocabulary.decode(131) == ("NOTE_OFF", 0)
    assert vocabulary.decode(259) == ("TIME_SHIFT", 1)  # 10 ms
    assert vocabulary.decode(358) == ("TIME_SHIFT", 100)  # a second
    assert vocabulary.decode(359) == ("VELOCITY", 1)
    assert vocabulary.decode(390) == ("VELOCITY", 32)
    keep = PerformanceTokenizer(sustain="keep").vocabulary
    assert keep.ranges[:4] == vocabulary.ranges
    assert keep.decode(391) == ("SUSTAIN_OFF", 0)
    assert keep.decode(392) == ("SUSTAIN_ON", 0)


@given(sequences())
def test_ids_are_those_of_note_seq(sequence):
    ids = PerformanceTokenizer().encode(sequence).tolist()
    assert ids == note_seq_performance(note_seq_sustained(sequence))
    ids = PerformanceTokenizer(sustain="ignore").encode(sequence).tolist()
    assert ids == note_seq_performance(sequence)


@given(sequences(), st.integers(0, 127), st.integers(1, 200), st.integers(1, 500))
def test_ids_with_options_are_those_of_note_seq(sequence, bins, shift, steps):
    tokenizer = PerformanceTokenizer("ignore", bins, shift, steps)
    ids = tokenizer.encode(sequence).tolist()
    assert ids == note_seq_performance(sequence, bins, shift, steps)


options = st.fixed_dictionaries(
    {
        "sustain": st.sampled_from(["apply", "ignore", "keep"]),
        "num_velocity_bins": st.sampled_from([0, 1, 31, 32, 127]),
        "max_shift_steps": st.sampled_from([1, 7, 100]),
        "steps_per_second": st.sampled_from([10, 100, 480]),
    }
)


@given(sequences(num_instruments=1).map(first_begun_first_ended), options)
def test_ids_come_back(sequence, options):
    tokenizer = PerformanceTokenizer(**options)
    ids = tokenizer.encode(sequence)
    back, num_invalid = tokenizer.decode(ids)
    assert num_invalid == 0
    np.testing.assert_array_equal(tokenizer.encode(back), ids)


@given(sequences(), options)
def test_ids_come_back_up_to_which_unison_ends_first(sequence, options):
    tokenizer = PerformanceTokenizer(**options)
    ids = tokenizer.encode(sequence)
    back, num_invalid = tokenizer.decode(ids)
    assert num_invalid == 0
    again = tokenizer.encode(back)
    # Only NOTE_OFFs of one step may stand in another order, and never twice.
    assert in_order(tokenizer, again) == in_order(tokenizer, ids)
    np.testing.assert_array_equal(tokenizer.encode(tokenizer.decode(again)[0]), again)


def in_order(tokenizer, ids):
    """The ids, NOTE_OFFs that follow each other by pitch."""
    start, stop = tokenizer.vocabulary.span("NOTE_OFF")
    result, run = [], []
    for token in [*ids.tolist(), -1]:
        if start <= token < stop:
            run.append(token)
        else:
            result += [*sorted(run), token]
            run = []
    return result


@given(st.lists(st.integers(-3, 395) | st.integers(-(2**40), 2**40), max_size=60))
def test_any_ids_decode(ids):
    for sustain, size in (("apply", 391), ("keep", 393)):
        tokenizer = PerformanceTokenizer(sustain=sustain)
        sequence, num_invalid = tokenizer.decode(ids)
        inner = list(ids)
        while inner and inner[0] in (PAD, EOS, BOS):
            del inner[0]
        while inner and inner[-1] in (PAD, EOS, BOS):
            del inner[-1]
        unknown = [token for token in inner if not 3 <= token < size]
        assert len(unknown) <= num_invalid <= len(inner)
        assert all(note.start_time < note.end_time for note in sequence.notes)
        ids_again = tokenizer.encode(sequence)
        assert len(ids_again) <= 3 * len(inner)
        assert tokenizer.decode(ids_again)[1] == 0


def test_invalid_events_are_counted():
    tokenizer = PerformanceTokenizer(sustain="keep")
    on, off, shift = NOTE_ON + 60, NOTE_OFF + 60, TIME_SHIFT + 10
    for ids, notes, num_invalid in (
        ([on, shift, off], [(60, 0, 0.1, 80)], 0),
        ([off, on, shift, off, off], [(60, 0, 0.1, 80)], 2),  # nothing sounds
        ([on, off, shift], [], 2),  # a note of no length
        ([on, shift], [(60, 0, 0.1, 80)], 0),  # left open: to the last time
        ([shift, on], [], 1),  # open, but no time is left
        ([shift, PAD, on, BOS, 1000, shift], [(60, 0.1, 0.2, 80)], 3),
        ([392, 392, 391, 391], [], 2),  # a pedal that is down goes down
        ([391, on, shift], [(60, 0, 0.1, 80)], 1),  # or up, when it is up
    ):
        sequence, count = tokenizer.decode([BOS, *ids, EOS, PAD])
        assert as_tuples(sequence) == notes
        assert count == num_invalid


def test_a_pitch_that_sounds_may_begin_again():
    on, off, shift = NOTE_ON + 60, NOTE_OFF + 60, TIME_SHIFT + 100
    ids = [on, shift, VELOCITY + 1, on, shift, off, shift, off]
    sequence, num_invalid = PerformanceTokenizer().decode(ids)
    # The note that began first ends first.
    assert as_tuples(sequence) == [(60, 0, 2, 80), (60, 1, 3, 2)]
    assert num_invalid == 0


def test_a_decoded_velocity_is_the_middle_of_its_bin():
    tokenizer = PerformanceTokenizer()
    for velocity, middle in ((1, 2), (4, 2), (5, 6), (100, 98), (127, 126)):
        sequence, _ = tokenizer.decode(tokenizer.encode(piano((60, 0, 1, velocity))))
        assert sequence.notes[0].velocity == middle
    plain = PerformanceTokenizer(num_velocity_bins=0)
    assert plain.velocity_range is None
    assert plain.decode(plain.encode(piano((60, 0, 1, 5))))[0].notes[0].velocity == 80


def test_five_notes_of_equal_velocity_have_one_velocity_token():
    tokenizer = PerformanceTokenizer()
    ids = tokenizer.encode(piano(*[(60 + k, k, k + 1, 70) for k in range(5)]))
    assert sum(token > VELOCITY for token in ids) == 1
    # 69 and 72 are of one bin, too
    ids = tokenizer.encode(piano(*[(60 + k, k, k + 1, 69 + k % 4) for k in range(5)]))
    assert sum(token > VELOCITY for token in ids) == 1


@pytest.mark.parametrize("sustain", ["apply", "ignore", "keep"])
def test_the_pedal_loses_no_notes(sustain):
    tokenizer = PerformanceTokenizer(sustain=sustain)
    notes = [(60 + k % 2, k, k + 0.5, 77) for k in range(5)]  # two keys by turns
    sequence = piano(*notes, pedal=[(0.2, 127), (2.7, 0), (3.1, 100), (9, 0)])
    back, _ = tokenizer.decode(tokenizer.encode(sequence))
    assert [note[:2] for note in as_tuples(back)] == [note[:2] for note in notes]
    ends = [note.end_time for note in back.notes]
    held = [0.5, 1.5, 2.5, 3.5, 4.5]
    assert ends == {"apply": [2, 2.7, 2.7, 9, 9]}.get(sustain, held)


def test_a_kept_pedal_comes_back():
    tokenizer = PerformanceTokenizer(sustain="keep")
    sequence = piano(
        (60, 0.1, 0.5, 77), pedal=[(0.1, 90), (0.2, 100), (0.6, 20), (0.603, 127)]
    )
    ids = tokenizer.encode(sequence)
    assert ids.tolist() == [
        268,  # TIME_SHIFT(10)
        392,  # SUSTAIN_ON, before the notes of its step
        378,  # VELOCITY(20)
        63,  # NOTE_ON(60)
        298,  # TIME_SHIFT(40)
        191,  # NOTE_OFF(60)
        268,  # TIME_SHIFT(10)
        391,  # SUSTAIN_OFF
        392,  # SUSTAIN_ON, in the same 10 ms
    ]
    back, num_invalid = tokenizer.decode(ids)
    assert num_invalid == 0
    pedal = [(change.time, change.control_value) for change in back.control_changes]
    assert pedal == [(0.1, 127), (0.6, 0), (0.600001, 127)]
    assert {change.control_number for change in back.control_changes} == {64}


def test_notes_of_a_step_keep_their_order():
    # A chord broken downwards within 10 ms is told from one broken upwards.
    tokenizer = PerformanceTokenizer()
    down = piano((64, 0, 1, 80), (60, 0.002, 1, 80))
    ids = tokenizer.encode(down)
    assert ids[1:3].tolist() == [NOTE_ON + 64, NOTE_ON + 60]
    back, _ = tokenizer.decode(ids)
    assert [note.start_time for note in back.notes] == [0, 1e-6]


def test_transposition_moves_both_ends_of_notes():
    tokenizer = PerformanceTokenizer()
    ids = tokenizer.encode(piano((60, 0, 1, 80), (64, 0, 1, 80)))
    higher = tokenizer.encode(piano((62, 0, 1, 80), (66, 0, 1, 80)))
    np.testing.assert_array_equal(tokenizer.transpose(ids, 2), higher)
    assert tokenizer.transpose_range(ids) == (-60, 63)


def test_one_state_costs_nothing_and_ends_anywhere():
    grammar = PerformanceTokenizer().grammar
    assert grammar.next_state.shape == (1, 2)
    assert not grammar.allowed[0, [PAD, BOS]].any()
    assert grammar.allowed[0, EOS] and grammar.allowed[0, 3:].all()


def test_music_that_has_no_ids_is_an_error():
    tokenizer = PerformanceTokenizer()
    with pytest.raises(UserError, match="begins at -0.5 s"):
        tokenizer.encode(piano((60, 1, 2, 80), (60, -0.5, 1, 80)))
    with pytest.raises(UserError, match="note at 2 s ends before it begins"):
        tokenizer.encode(piano((60, 2, 1, 80)))


@pytest.mark.parametrize(
    "option",
    [
        {"sustain": "hold"},
        {"num_velocity_bins": 128},
        {"max_shift_steps": 0},
        {"steps_per_second": 0},
    ],
)
def test_options_out_of_range_are_errors(option):
    (name,) = option
    with pytest.raises(UserError, match=f"^{name} must be"):
        PerformanceTokenizer(**option)


def test_the_hash_is_pinned():
    # Token files, checkpoints and exported graphs carry it: a change makes them stale.
    hashes = [
        PerformanceTokenizer(**option).hash
        for option in ({}, {"sustain": "ignore"}, {"sustain": "keep"})
    ]
    assert hashes == ["ebcb074f", "93fd888b", "d83d99c9"]


@pytest.mark.parametrize(
    ("archive", "ending", "num_files"),
    [
        ("maestro-v3.0.0-midi.zip", ".midi", 1),
        ("pop909-main.zip", ".mid", 4),
        ("groove-midi.zip", ".mid", 4),
    ],
)
def test_real_files_have_the_ids_of_note_seq(archive, ending, num_files):
    path = DATA / archive
    if not path.exists():
        pytest.skip(f"{archive} is not here")
    with zipfile.ZipFile(path) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(ending))
        files = [opened.read(name) for name in names[:: -(-len(names) // num_files)]]
    for content in files:
        sequence = midi_io.midi_to_note_sequence(content)
        ids = PerformanceTokenizer().encode(sequence)
        assert ids.tolist() == note_seq_performance(note_seq_sustained(sequence))
        assert sum(3 <= token < 131 for token in ids) == len(sequence.notes)


def test_a_midi_file_keeps_all_but_the_order_within_a_step():
    tokenizer = PerformanceTokenizer()
    ids = tokenizer.encode(piano((60, 0, 1, 97), (64, 0.25, 0.5, 33), (60, 1, 2, 33)))
    file = io.BytesIO()
    midi_io.note_sequence_to_pretty_midi(tokenizer.decode(ids)[0]).write(file)
    back = midi_io.midi_to_note_sequence(file.getvalue())
    np.testing.assert_array_equal(tokenizer.encode(back), ids)
