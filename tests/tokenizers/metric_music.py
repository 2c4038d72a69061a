"""Music with meters and tempos: random, and written in quarters."""

from hypothesis import strategies as st

from tfmusic.music.note_sequence import NoteSequence

# Quarters at 120 a minute, so that events meet the grid; and any others.
seconds = st.one_of(
    st.integers(0, 24).map(lambda step: step / 8),
    st.integers(0, 24).map(lambda step: step / 16 + 1 / 32),
    st.floats(0, 6),
)
notes = st.fixed_dictionaries(
    {
        "pitch": st.one_of(st.sampled_from([60, 64, 67]), st.integers(0, 127)),
        "start_time": seconds,
        "end_time": seconds,
        "velocity": st.integers(1, 127),
        "instrument": st.integers(0, 3),
    }
)
tempos = st.tuples(seconds, st.one_of(st.integers(20, 300), st.floats(20, 300)))
meters = st.tuples(
    seconds,
    st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 4), (5, 8), (7, 16), (3, 32), (9, 2)]),
)
chords = st.tuples(
    seconds, st.sampled_from(["C", "Ebm7", "F#:min", "G7", "Bdim", "A+", "N.C.", "?"])
)


@st.composite
def sequences(draw):
    """Notes of three instruments and drums, with tempos, meters and chord symbols."""
    sequence = NoteSequence()
    for time, qpm in draw(st.lists(tempos, max_size=4)):
        sequence.tempos.add(time=time, qpm=qpm)
    for time, (numerator, denominator) in draw(st.lists(meters, max_size=3)):
        sequence.time_signatures.add(
            time=time, numerator=numerator, denominator=denominator
        )
    for time, text in draw(st.lists(chords, max_size=3)):
        kind = NoteSequence.TextAnnotation.CHORD_SYMBOL
        sequence.text_annotations.add(time=time, text=text, annotation_type=kind)
    for note in draw(st.lists(notes, max_size=16)):
        start, end = sorted([note.pop("start_time"), note.pop("end_time")])
        is_drum = note["instrument"] == 3
        program = 5 * (note["instrument"] % 2)  # instruments 0 and 2 have one program
        sequence.notes.add(
            **note, start_time=start, end_time=end, is_drum=is_drum, program=program
        )
        sequence.total_time = max(sequence.total_time, end)
    return sequence


def in_quarters(notes, qpm=120, meter=(4, 4)):
    """A sequence of one tempo and meter.

    Args:
        notes: (pitch, start, end) in quarters each, and more fields if there are any.
        qpm: quarters a minute.
        meter: numerator and denominator.
    """
    sequence = NoteSequence()
    sequence.tempos.add(qpm=qpm)
    sequence.time_signatures.add(numerator=meter[0], denominator=meter[1])
    for pitch, start, end, *fields in notes:
        add_note(sequence, pitch, start * 60 / qpm, end * 60 / qpm, *fields)
    return sequence


def add_note(sequence, pitch, start, end, fields=None):
    fields = {"velocity": 80, **(fields or {})}
    sequence.notes.add(pitch=pitch, start_time=start, end_time=end, **fields)
    sequence.total_time = max(sequence.total_time, end)


def events(tokenizer, ids):
    """Ids as a musician reads them: `["BAR 16", "POSITION 1", ...]`."""
    named = [tokenizer.vocabulary.decode(int(token)) for token in ids]
    return [f"{name} {value}" for name, value in named]


def ids_of(tokenizer, text):
    """The ids of `"BAR 16 POSITION 1 ..."`."""
    words = text.split()
    return [
        tokenizer.vocabulary.encode(name, int(value))
        for name, value in zip(words[::2], words[1::2], strict=True)
    ]
