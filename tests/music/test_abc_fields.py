from fractions import Fraction

import pytest

from tfmusic.errors import UserError
from tfmusic.music.abc_fields import (
    default_unit,
    parse_key,
    parse_meter,
    parse_tempo,
    parse_transposition,
    parse_unit,
)

EIGHTH = Fraction(1, 8)


@pytest.mark.parametrize(
    "text, tonic, mode, accidentals",
    [
        ("C", 0, "MAJOR", {}),
        (" G ", 7, "MAJOR", {"F": 1}),
        ("Bb", 10, "MAJOR", {"B": -1, "E": -1}),
        ("Am", 9, "MINOR", {}),
        ("F#m", 6, "MINOR", {"F": 1, "C": 1, "G": 1}),
        ("E minor", 4, "MINOR", {"F": 1}),
        ("Cb", 11, "MAJOR", dict.fromkeys("BEADGCF", -1)),
        ("D Dorian", 2, "DORIAN", {}),
        ("Amix", 9, "MIXOLYDIAN", {"F": 1, "C": 1}),
        ("F lyd", 5, "LYDIAN", {}),
        ("EPhr", 4, "PHRYGIAN", {}),
        ("B loc clef=bass", 11, "LOCRIAN", {}),
        ("D =c ^g", 2, "MAJOR", {"F": 1, "C": 0, "G": 1}),
        ("D exp _b_e ^f", 2, "MAJOR", {"B": -1, "E": -1, "F": 1}),
        ("G middle=d treble-8", 7, "MAJOR", {"F": 1}),
        ("Hp", 9, "MIXOLYDIAN", {"F": 1, "C": 1}),
        ("none", None, "NOT_SPECIFIED", {}),
        ("", None, "NOT_SPECIFIED", {}),
    ],
)
def test_keys(text, tonic, mode, accidentals):
    key = parse_key(text)
    assert (key.tonic, key.mode, key.accidentals) == (tonic, mode, accidentals)


def test_a_clef_is_no_key():
    assert parse_key("clef=bass") is None
    assert parse_key("treble-8") is None


@pytest.mark.parametrize("text", ["H", "Es", "G#", "Cis", "Gx", "sharp"])
def test_what_is_no_key_says_so(text):
    with pytest.raises(UserError, match=f"no key is named '{text}'"):
        parse_key(text)


@pytest.mark.parametrize(
    "text, semitones",
    [
        ("G", 0),
        ("G clef=treble-8", -12),
        ("1 name=Tenor treble+8", 12),
        ("C octave=-1", -12),
        ("C transpose=-2 clef=bass", -2),
        ("C octave=1 transpose=3", 15),
    ],
)
def test_transpositions(text, semitones):
    assert parse_transposition(text) == semitones


@pytest.mark.parametrize(
    "text, meter",
    [
        ("6/8", (6, 8)),
        (" C ", (4, 4)),
        ("C|", (2, 2)),
        ("(2+2+3)/8", (7, 8)),
        ("2 + 3/4", (5, 4)),
        ("none", None),
        ("", None),
        ("FREI4/4", (4, 4)),  # as in the Essen collection
        ("2/2]", (2, 2)),
    ],
)
def test_meters(text, meter):
    assert parse_meter(text) == meter


def test_lengths():
    assert parse_unit(" 1/16 ") == Fraction(1, 16)
    assert parse_unit("1") == 1
    assert default_unit((2, 4)) == Fraction(1, 16)
    assert default_unit((3, 4)) == default_unit((6, 8)) == default_unit(None) == EIGHTH


@pytest.mark.parametrize(
    "text, qpm",
    [
        ("1/4=120", 120.0),
        ("3/8=60", 90.0),
        ("1/4 3/8 1/4 3/8=40", 200.0),
        ('"Lively" 1/2=60', 120.0),
        ('1/4=92.5 "about"', 92.5),
        ("120", 60.0),  # eighths, as the unit is
        ("C=100", 50.0),
        ("C2=100", 100.0),
        ('"Andante"', None),
    ],
)
def test_tempos(text, qpm):
    assert parse_tempo(text, EIGHTH) == qpm


@pytest.mark.parametrize(
    "parse, text",
    [
        (parse_meter, "0/4"),
        (parse_meter, "4/0"),
        (parse_unit, "1/0"),
        (parse_unit, "0/8"),
        (parse_unit, "an eighth"),
        (parse_unit, "1/" + "9" * 5000),
        (lambda text: parse_tempo(text, EIGHTH), "1/4=fast"),
        (lambda text: parse_tempo(text, EIGHTH), "1/0=60"),
        (lambda text: parse_tempo(text, EIGHTH), "1/4=0"),
        (lambda text: parse_tempo(text, EIGHTH), "9" * 5000),
    ],
)
def test_nonsense_is_one_line(parse, text):
    with pytest.raises(UserError, match="^no "):
        parse(text)
