import importlib

import pytest

import tfmusic.music.note_sequence  # noqa: F401, imports note_seq without its warnings
from tfmusic.datasets.harte import KINDS, NO_CHORD, pitch_class, to_chord_symbol

chord_symbols_lib = importlib.import_module("note_seq.chord_symbols_lib")


@pytest.mark.parametrize(
    ("harte", "symbol"),
    [
        ("C:maj", "C"),
        ("C", "C"),
        ("Bb:min", "Bbm"),
        ("F#:maj7/5", "F#maj7/C#"),
        ("F#:hdim7", "F#m7b5"),
        ("D:sus4(b7)", "Dsus(b7)"),
        ("A:sus4(b7,9)", "Asus(b7)(add9)"),
        ("G:7(#9)", "G7(#9)"),
        ("E:min/b3", "Em/G"),
        ("Db:min/b3", "Dbm/Fb"),
        ("B:maj/3", "B/D#"),
        ("C:7/b7", "C7/Bb"),
        ("C:maj/9", "C/D"),
        ("C:maj/1", "C"),
        ("C:min(7)", "Cm(add#7)"),
        ("C:maj(*3)", "C(no3)"),
    ],
)
def test_a_chord_symbol(harte, symbol):
    assert to_chord_symbol(harte) == symbol
    chord_symbols_lib.chord_symbol_pitches(symbol)  # note-seq knows it


@pytest.mark.parametrize(
    ("harte", "pitches"),
    [
        ("C:maj", "C E G"),
        ("C:hdim7", "C Eb Gb Bb"),
        ("C:minmaj7", "C Eb G B"),
        ("C:dim7", "C Eb Gb A"),
        ("C:sus4(b7)", "C F G Bb"),
        ("C:maj(9)", "C D E G"),
        ("C:min(7)", "C Eb G B"),
        ("C:maj(b7)", "C E G Bb"),
        ("C:7(b9)", "C Db E G Bb"),
        ("C:aug(b7)", "C E G# Bb"),
        ("C:maj6(9)", "C D E G A"),
    ],
)
def test_note_seq_hears_the_same_notes(harte, pitches):
    symbol = to_chord_symbol(harte)
    found = chord_symbols_lib.chord_symbol_pitches(symbol)
    assert sorted(found) == sorted(map(pitch_class, pitches.split()))


def test_note_seq_knows_every_kind_on_every_root_over_every_bass():
    for root in ["C", "F#", "Gb", "A#", "Cb", "E#"]:
        for kind in KINDS:
            for bass in ["", "/3", "/b3", "/5", "/b7", "/7", "/#4", "/9"]:
                symbol = to_chord_symbol(f"{root}:{kind}{bass}")
                found = chord_symbols_lib.chord_symbol_root(symbol)
                assert found == pitch_class(root)
                chord_symbols_lib.chord_symbol_pitches(symbol)


def test_the_bass_is_as_many_semitones_above_the_root_as_it_says():
    for root in ["C", "F#", "Gb", "A#", "Cb", "E#"]:
        for bass, semitones in [("3", 4), ("b3", 3), ("5", 7), ("b7", 10), ("#4", 6)]:
            symbol = to_chord_symbol(f"{root}:maj/{bass}")
            found = chord_symbols_lib.chord_symbol_bass(symbol)
            assert found == (pitch_class(root) + semitones) % 12


@pytest.mark.parametrize("chord", ["N", "X", "C:(1,5)", "C:quartal", "C:maj(bb7)"])
def test_what_has_no_symbol(chord):
    assert to_chord_symbol(chord) is None


def test_note_seq_knows_no_chord():
    with pytest.raises(chord_symbols_lib.ChordSymbolError):
        chord_symbols_lib.chord_symbol_pitches(NO_CHORD)
    assert importlib.import_module("note_seq.constants").NO_CHORD == NO_CHORD


@pytest.mark.parametrize("text", ["", "H:maj", "C:maj/", "C:maj7/Bb", "c:maj", "C:("])
def test_other_text_is_an_error(text):
    with pytest.raises(ValueError, match="is not a chord"):
        to_chord_symbol(text)


def test_a_note_s_pitch_class():
    assert [pitch_class(name) for name in "CDEFGAB"] == [0, 2, 4, 5, 7, 9, 11]
    assert pitch_class("Gb") == pitch_class("F#") == pitch_class("E##") == 6
    assert pitch_class("Cb") == 11 and pitch_class("B#") == 0
    with pytest.raises(ValueError, match="'h'"):
        pitch_class("h")
