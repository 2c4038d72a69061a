"""Random music, as unkind as music can be, and what note_seq makes of music."""

from hypothesis import strategies as st

from tfmusic.music.note_sequence import NoteSequence

# Few values, so that events coincide; half steps, which round; and any others.
seconds = st.one_of(
    st.integers(0, 12).map(lambda step: step / 100),
    st.integers(0, 12).map(lambda step: (step + 0.5) / 100),
    st.integers(0, 8).map(lambda second: second / 2),
    st.floats(0, 4),
)
notes = st.fixed_dictionaries(
    {
        "pitch": st.one_of(st.sampled_from([60, 61, 64]), st.integers(0, 127)),
        "start_time": seconds,
        "duration": seconds,
        "velocity": st.integers(1, 127),
        "instrument": st.integers(0, 2),
    }
)
pedals = st.fixed_dictionaries(
    {
        "time": seconds,
        "control_value": st.sampled_from([0, 63, 64, 127]),
        "control_number": st.sampled_from([64, 64, 64, 67]),
        "instrument": st.integers(0, 2),
    }
)


@st.composite
def sequences(draw, num_instruments=3, shortest=0.0):
    """Notes of several instruments, the last of three drums, and their pedals."""
    sequence = NoteSequence()
    for note in draw(st.lists(notes, max_size=12)):
        note["instrument"] %= num_instruments
        duration = max(note.pop("duration"), shortest)
        note["end_time"] = note["start_time"] + duration
        is_drum = note["instrument"] == 2
        sequence.notes.add(**note, is_drum=is_drum, program=3 * note["instrument"])
        sequence.total_time = max(sequence.total_time, note["end_time"])
    for pedal in draw(st.lists(pedals, max_size=8)):
        pedal["instrument"] %= num_instruments
        sequence.control_changes.add(**pedal)
    return sequence


def first_begun_first_ended(sequence):
    """Exchanges the ends of notes of one pitch, so that they end as they began."""
    by_pitch = {}
    for note in sorted(sequence.notes, key=lambda note: note.start_time):
        by_pitch.setdefault(note.pitch, []).append(note)
    for notes_of_pitch in by_pitch.values():
        ends = sorted(note.end_time for note in notes_of_pitch)
        for note, end in zip(notes_of_pitch, ends, strict=True):
            note.end_time = end
    return sequence


def note_seq_sustained(sequence):
    """The sequence as note_seq applies its pedals."""
    from note_seq import sequences_lib  # after tfmusic's import, which is quiet

    return sequences_lib.apply_sustain_control_changes(sequence)


def note_seq_performance(
    sequence, num_velocity_bins=32, max_shift_steps=100, steps_per_second=100
):
    """The ids that note_seq gives a sequence, whose pedals it doesn't apply."""
    from note_seq import performance_encoder_decoder, performance_lib, sequences_lib

    options = {
        "num_velocity_bins": num_velocity_bins,
        "max_shift_steps": max_shift_steps,
    }
    encoding = performance_encoder_decoder.PerformanceOneHotEncoding(**options)
    quantized = sequences_lib.quantize_note_sequence_absolute(
        sequence, steps_per_second
    )
    events = performance_lib.Performance(quantized, **options)
    return [3 + encoding.encode_event(event) for event in events]
