from fractions import Fraction

import pytest

from tfmusic.errors import UserError
from tfmusic.music.abc_fields import Key
from tfmusic.music.abc_voice import Symbol, Voice


def voice(**accidentals):
    """A voice of eighths in 3/4."""
    return Voice(Key(accidentals), Fraction(1, 8), (3, 4))


def symbol(letter, accidental="", octave=0, length=1):
    return Symbol(accidental, letter, octave, Fraction(length))


def played(voice):
    return [(n.pitch, float(n.start), float(n.end)) for n in voice.notes]


def test_notes_follow_one_another_in_quarters():
    v = voice(F=1)
    v.play([symbol("C")])
    v.rest(Fraction(2))
    v.play([symbol("F", octave=1, length=3)])
    assert played(v) == [(60, 0.0, 0.5), (78, 1.5, 3.0)]
    v.rest_bars(2)
    assert v.time == 9


def test_an_accidental_holds_to_the_end_of_the_bar_in_all_octaves():
    v = voice(B=-1)
    for octave in (0, 1):
        v.play([symbol("B", "=" if octave == 0 else "", octave)])
    v.bar()
    v.play([symbol("B")])
    v.play([symbol("B", "__")])
    v.play([symbol("C", "^^")])
    assert [n.pitch for n in v.notes] == [71, 83, 70, 69, 62]


def test_a_tie_carries_an_accidental_over_the_bar_line():
    v = voice()
    v.play([symbol("F", "^")])
    v.tie()
    v.bar()
    v.play([symbol("F")])
    v.play([symbol("F")])
    assert played(v) == [(66, 0.0, 1.0), (65, 1.0, 1.5)]


def test_a_tie_to_another_pitch_or_over_a_rest_joins_nothing():
    v = voice()
    v.play([symbol("C")])
    v.tie()
    v.play([symbol("D")])
    v.tie()
    v.rest(Fraction(1))
    v.play([symbol("D")])
    assert played(v) == [(60, 0.0, 0.5), (62, 0.5, 1.0), (62, 1.5, 2.0)]


def test_a_tie_holds_on_the_notes_of_a_chord_that_stay():
    v = voice()
    v.play([symbol("C"), symbol("E")], Fraction(2))
    v.tie()
    v.play([symbol("D"), symbol("E")], Fraction(2))
    assert played(v) == [(60, 0.0, 1.0), (64, 0.0, 2.0), (62, 1.0, 2.0)]


@pytest.mark.parametrize(
    "mark, middle", [(">", 0.75), (">>", 0.875), ("<", 0.25), ("<<", 0.125)]
)
def test_broken_rhythm(mark, middle):
    v = voice()
    v.play([symbol("C")])
    v.dot(mark)
    v.play([symbol("D")])
    v.play([symbol("E")])
    assert played(v) == [(60, 0, middle), (62, middle, 1.0), (64, 1.0, 1.5)]


@pytest.mark.parametrize(
    "numbers, ends",
    [
        ((3,), [1, 2, 3]),  # three eighths in the time of two: thirds of a quarter
        ((2,), [2.25, 4.5, 6]),  # two in the time of three
        ((3, 2, 1), [1, 2.5, 4]),
        ((5, 3), [0.9, 1.8, 2.7]),
    ],
)
def test_tuplets(numbers, ends):
    v = voice()
    v.tuplet(*numbers)
    for _ in range(3):
        v.play([symbol("C")])
    assert [float(3 * n.end) for n in v.notes] == pytest.approx(ends)


def test_a_tuplet_of_five_takes_three_in_a_compound_meter_and_two_else():
    for meter, quarters in (((6, 8), 1.5), ((2, 4), 1.0)):
        v = Voice(Key({}), Fraction(1, 8), meter)
        v.tuplet(5)
        for _ in range(5):
            v.play([symbol("C")])
        assert v.time == quarters


def test_what_is_out_of_range_is_one_line():
    with pytest.raises(UserError, match="pitch 132 is not within"):
        voice().play([symbol("C", octave=6)])
    with pytest.raises(UserError, match="a note or rest of 500 quarters"):
        voice().play([symbol("C", length=1000)])
    with pytest.raises(UserError, match="of 0 quarters"):
        voice().rest(Fraction(0))
    with pytest.raises(UserError, match="no note is before '>'"):
        voice().dot(">")
    with pytest.raises(UserError, match="no tuplet is 3:0"):
        voice().tuplet(3, 0)
    with pytest.raises(UserError, match="needs a meter"):
        Voice(Key({}), Fraction(1, 8), None).rest_bars(1)
