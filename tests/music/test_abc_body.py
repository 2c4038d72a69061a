import pytest

from tfmusic.errors import UserError
from tfmusic.music.abc_body import Score


def read(*lines, header=("M:4/4", "L:1/4", "K:C")):
    score = Score(header)
    for line in lines:
        score.read(line)
    return score


def notes(*lines, **kwargs):
    """Pitch, start and end in quarters of the first voice's notes."""
    voice = next(iter(read(*lines, **kwargs).voices.values()))
    return [(n.pitch, float(n.start), float(n.end)) for n in voice.notes]


def pitches(*lines, **kwargs):
    return [pitch for pitch, *_ in notes(*lines, **kwargs)]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("C,, C, C c c' c''", [36, 48, 60, 72, 84, 96]),
        ("^F _B =B ^^C __D", [66, 70, 71, 62, 60]),
        ("^F F | F", [66, 66, 65]),
        ("(CD) E.F ~G TA", [60, 62, 64, 65, 67, 69]),  # slurs and ornaments
        ('"Am7"C "^slowly"D', [60, 62]),
        ("{ga}C {/e}D", [60, 62]),  # grace notes
        ("!trill!C +fermata+D !E", [60, 62, 64]),
        ("|:C:|D::E||F|]", [60, 62, 64, 65]),
        ("C|1D:|2E [3F|[1,2 G]|", [60, 62, 64, 65, 67]),
        ("C\\", [60]),
        ("C`D y y2 E$", [60, 62, 64]),
        ("C [K:D] F [K:clef=bass] c", [60, 66, 73]),
        ("[r:a remark] C [V:1] D", [60]),  # D is another voice's
        ("[CEG] c", [60, 64, 67, 72]),
        ('[!f!C"x"E]', [60, 64]),
        ("A::", [69]),  # no field, although a letter and a colon
        ("A:|", [69]),
    ],
)
def test_pitches(text, expected):
    assert pitches(text) == expected


@pytest.mark.parametrize(
    "text, ends",
    [
        ("C D2 E/ F/4 G// A3/2", [1, 3, 3.5, 3.75, 4, 5.5]),
        ("C z D x2 E", [1, 3, 6]),
        ("C Z D Z2 E X1 F", [1, 6, 15, 20]),
        ("C>D E<F", [1.5, 2, 2.5, 4]),
        ("(3CDE F", [2 / 3, 4 / 3, 2, 3]),
        ("(3:2:4 CDEF G", [2 / 3, 4 / 3, 2, 8 / 3, 11 / 3]),
        ("(3::2CD E", [2 / 3, 4 / 3, 7 / 3]),
        ("C-C D- | D E", [2, 4, 5]),
        ("C -C", [2]),
        ("[CE]2 G", [2, 2, 3]),
        ("[C2E2]/ G", [1, 1, 2]),
        ("[CE-] [DE]", [1, 2, 2]),
        ("[L:1/8] C D", [0.5, 1]),
        ("C [M:3/4] Z D", [1, 5]),
    ],
)
def test_ends(text, ends):
    found = [end for _, _, end in notes(text)]
    assert found == pytest.approx(ends)


def test_fields_between_lines():
    score = read("C4", "K:Am", "M:3/4", "Q:1/4=60", "w: not-a note", "c3 | e3")
    assert [(q, k.tonic) for q, k in score.keys] == [(0, 0), (4, 9)]
    assert score.meters == [(0, (4, 4)), (4, (3, 4))]
    assert score.tempos == [(4, 60.0)]
    assert next(iter(score.voices.values())).time == 10


def test_voices_keep_their_own_time_key_and_unit():
    header = ("M:4/4", "L:1/4", "V:1 treble", "V:2 clef=bass-8", "K:F")
    score = read(
        "V:1", "B2 z2", "V:2", "L:1/2", "K:C", "B B", "[V:1] B4", header=header
    )
    first, second = score.voices["1"], score.voices["2"]
    assert [(n.pitch, n.start) for n in first.notes] == [(70, 0), (70, 4)]
    assert [(n.pitch, n.start) for n in second.notes] == [(59, 0), (59, 2)]
    assert len(score.keys) == 1  # the second voice's is its own affair


def test_the_length_of_a_bare_letter_follows_from_the_meter():
    assert notes("C", header=("M:2/4", "K:C")) == [(60, 0.0, 0.25)]
    assert notes("C", header=("M:3/4", "K:C")) == [(60, 0.0, 0.5)]
    assert notes("C", header=()) == [(60, 0.0, 0.5)]


@pytest.mark.parametrize(
    "text, reason",
    [
        ("C | 4=A2F2", "a length without a note, 4, in 'C | 4=A2F2'"),
        ("C & E", "voices written over one another"),
        ("C : D", "no music is meant by ':'"),
        ("C ? D", "no music is meant by '?'"),
        ("[CE", r"no music is meant by '\['"),
        ("C/0", "no length of a note is '/0'"),
        ("C0", "a note or rest of 0 quarters"),
        ("C" + "9" * 5000, "no length of a note is"),
        ("Z" + "9" * 5000, "a note or rest of"),
        ("(3:" + "9" * 5000 + "C", "a length without a note"),
        ("[K:H]C", "no key is named 'H'"),
    ],
)
def test_what_is_not_understood_is_one_line(text, reason):
    with pytest.raises(UserError, match=reason) as error:
        read(text)
    assert "\n" not in str(error.value)
