import pytest

from tfmusic.music.musicxml import read_musicxml

HEAD = """<?xml version="1.0"?>
<score-partwise><part-list>
<score-part id="P1"><part-name>Soprano</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes>
"""
TAIL = "</measure></part></score-partwise>"


def note(step, duration, *, octave=4, extra=""):
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{pitch}<duration>{duration}</duration>{extra}</note>"


START, STOP = '<tie type="start"/>', '<tie type="stop"/>'


@pytest.mark.parametrize(
    "notes, expected",
    [
        # Pitch, start and end in seconds, at 120 quarters a minute.
        ([note("C", 1), note("C", 1)], [(60, 0.0, 0.5), (60, 0.5, 1.0)]),
        ([note("C", 1, extra=START), note("C", 1, extra=STOP)], [(60, 0.0, 1.0)]),
        (  # a chain of ties
            [
                note("C", 1, extra=START),
                note("C", 1, extra=STOP + START),
                note("C", 2, extra=STOP),
            ],
            [(60, 0.0, 2.0)],
        ),
        (  # a tie that ends on another pitch joins nothing
            [note("C", 1, extra=START), note("D", 1, extra=STOP)],
            [(60, 0.0, 0.5), (62, 0.5, 1.0)],
        ),
        (  # a tie that ends after a rest joins nothing
            [
                note("C", 1, extra=START),
                "<note><rest/><duration>1</duration></note>",
                note("C", 1, extra=STOP),
            ],
            [(60, 0.0, 0.5), (60, 1.0, 1.5)],
        ),
        (  # a grace note takes no time and is left out
            ["<note><grace/><pitch><step>B</step><octave>3</octave></pitch></note>"]
            + [note("C", 1)],
            [(60, 0.0, 0.5)],
        ),
    ],
)
def test_notes(tmp_path, notes, expected):
    path = tmp_path / "score.xml"
    path.write_text(HEAD + "".join(notes) + TAIL)
    sequence = read_musicxml(str(path))
    assert [(n.pitch, n.start_time, n.end_time) for n in sequence.notes] == expected
    assert {n.instrument for n in sequence.notes} == {0}
    assert [info.name for info in sequence.instrument_infos] == ["Soprano"]


def test_a_tied_note_has_the_sum_of_the_values(tmp_path):
    path = tmp_path / "score.xml"
    half, quarter = "<type>half</type>", "<type>quarter</type>"
    tied = note("C", 2, extra=START + half) + note("C", 1, extra=STOP + quarter)
    path.write_text(HEAD + tied + TAIL)
    (found,) = read_musicxml(str(path)).notes
    assert (found.numerator, found.denominator) == (3, 4)  # a dotted half


def test_a_score_without_parts_says_so(tmp_path):
    path = tmp_path / "score.xml"
    path.write_text("<score-timewise/>")
    with pytest.raises(ValueError, match="expected score-partwise"):
        read_musicxml(str(path))
