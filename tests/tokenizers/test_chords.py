import numpy as np
import pytest

from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers.chords import (
    NO_CHORD,
    NUM_CHORDS,
    QUALITIES,
    ROOTS,
    annotated_chords,
    chord_symbol,
    hear_chords,
    parse_chord,
    transposed_chords,
)


def chord(name):
    """`"G dominant"` as a chord."""
    root, quality = name.split()
    return 1 + ROOTS.index(root) * 5 + QUALITIES.index(quality)


@pytest.mark.parametrize(
    "symbol, name",
    [
        ("C", "C major"),
        ("Bb", "A# major"),
        ("Cb", "B major"),
        ("Ebm7", "D# minor"),
        ("F#m", "F# minor"),
        ("A-7", "A minor"),
        ("Cmaj7", "C major"),
        ("CM7", "C major"),
        ("C6", "C major"),
        ("Gsus4", "G major"),
        ("G7", "G dominant"),
        ("G13", "G dominant"),
        ("D7(b9)/F#", "D dominant"),
        ("Bdim7", "B diminished"),
        ("Bm7b5", "B diminished"),
        ("Caug", "C augmented"),
        ("E+", "E augmented"),
        ("Bb:maj", "A# major"),
        ("C#:min7/b3", "C# minor"),
        ("B:hdim7", "B diminished"),
        ("A:sus4(b7)", "A major"),
    ],
)
def test_symbols(symbol, name):
    assert parse_chord(symbol) == chord(name)


@pytest.mark.parametrize("symbol", ["N", "N.C.", "X", "", "?", "verse"])
def test_no_chord(symbol):
    assert parse_chord(symbol) == NO_CHORD


def test_every_chord_has_a_symbol():
    chords = range(NUM_CHORDS)
    assert [parse_chord(chord_symbol(chord)) for chord in chords] == list(chords)
    assert [chord_symbol(chord) for chord in (0, 1, 2, 60)] == ["N.C.", "C", "Cm", "B7"]


@pytest.mark.parametrize(
    "semitones, symbols",
    [
        (0, ["N.C.", "C", "Am", "Bdim", "G7", "Eaug"]),
        (1, ["N.C.", "C#", "A#m", "Cdim", "G#7", "Faug"]),
        (-3, ["N.C.", "A", "F#m", "G#dim", "E7", "C#aug"]),
        (14, ["N.C.", "D", "Bm", "C#dim", "A7", "F#aug"]),
    ],
)
def test_roots_move_and_go_round(semitones, symbols):
    table = transposed_chords(semitones)
    chords = map(parse_chord, ["N.C.", "C", "Am", "Bdim", "G7", "Eaug"])
    assert [chord_symbol(int(table[chord])) for chord in chords] == symbols
    assert sorted(table) == list(range(NUM_CHORDS))


def heard(bars, steps=16):
    """The chords of bars of notes (pitch, start, end in steps from the bar)."""
    notes = np.array(
        [
            (pitch, bar * steps + start, bar * steps + end)
            for bar, notes in enumerate(bars)
            for pitch, start, end in notes
        ],
        int,
    ).reshape(-1, 3)
    beats = np.arange(0, len(bars) * steps + 1, 4)
    bar_of_beat = np.repeat(np.arange(len(bars)), steps // 4)
    return [chord_symbol(int(c)) for c in hear_chords(*notes.T, beats, bar_of_beat)]


def block(pitches, start=0, end=16):
    return [(pitch, start, end) for pitch in pitches]


@pytest.mark.parametrize(
    "pitches, symbol",
    [
        ([48, 64, 67, 72], "C"),
        ([57, 60, 64], "Am"),
        ([59, 62, 65], "Bdim"),
        ([55, 59, 62, 65], "G7"),
        ([60, 64, 68], "Caug"),  # the bass tells which of three
        ([64, 68, 72], "Eaug"),
        ([52, 60, 67], "C"),  # a sixth chord
        ([60, 61, 62], "N.C."),
    ],
)
def test_chords_of_a_bar(pitches, symbol):
    assert heard([block(pitches)]) == [symbol] * 4


@pytest.mark.parametrize("semitones", range(12))
def test_of_equal_chords_the_next_above_the_bass_is_heard(semitones):
    # Over C in the bass D, F and G# are D diminished as much as F minor.
    [chord] = set(heard([block(semitones + p for p in (48, 50, 53, 56))]))
    assert chord == f"{ROOTS[(2 + semitones) % 12]}dim"


def test_an_arpeggio_is_one_chord():
    line = [(pitch, 4 * i, 4 * i + 4) for i, pitch in enumerate([48, 52, 55, 60])]
    assert heard([line]) == ["C"] * 4


def test_a_passing_note_changes_nothing():
    assert heard([[*block([48, 52, 55]), (50, 6, 7)]]) == ["C"] * 4


def test_chords_change_by_halves_and_by_beats():
    bar = [*block([48, 52, 55], 0, 8), *block([53, 57, 60], 8, 16)]
    assert heard([bar]) == ["C", "C", "F", "F"]
    bar = [*block([48, 52, 55], 0, 8), *block([53, 57, 60], 8, 12)]
    assert heard([[*bar, *block([55, 59, 62], 12, 16)]]) == ["C", "C", "F", "G"]
    waltz = [*block([48, 52, 55], 0, 4), *block([53, 57, 60], 4, 12)]
    assert heard([waltz, block([48, 52, 55], 0, 12)], 12) == [
        *["C", "F", "F"],
        *["C", "C", "C"],
    ]


def test_silence_has_no_chord():
    assert heard([[], block([48, 52, 55])]) == ["N.C."] * 4 + ["C"] * 4
    assert heard([[]]) == ["N.C."] * 4


def test_a_note_past_the_last_beat_counts_up_to_it():
    assert heard([block([48, 52, 55], 0, 99)]) == ["C"] * 4


def test_symbols_of_a_sequence():
    sequence = NoteSequence()
    kind = NoteSequence.TextAnnotation.CHORD_SYMBOL
    sequence.text_annotations.add(time=0.5, text="Am", annotation_type=kind)
    sequence.text_annotations.add(time=1.0, text="C")  # a remark
    seconds, chords = annotated_chords(sequence)
    assert (seconds.tolist(), chords.tolist()) == ([0.5], [chord("A minor")])
