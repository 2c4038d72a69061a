import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmusic.datasets.corpus import find_corpus
from tfmusic.errors import UserError
from tfmusic.music.abc import parse_abc, read_abc_book, read_tune

SONG = """X:7
T:Fuchs, du hast die Gans gestohlen
T:Der Fuchs
C:Trad.
M:2/4
L:1/8
Q:1/4=100
K:D % major
DEFG | AAAA | BGdB | A4 |
w: Fuchs, du hast die Gans ge-stoh-len,
"""

BOOK = b"""%abc-2.1
L:1/4
Typed by somebody.

X:1
T:One
K:C
CD

These lines are no music: ABCDEFG.

X:2
K:G

FG
X: 3
L:1/2
K:C
E
"""


def book(name):
    with open(f"{find_corpus('essenFolksong')}/{name}.abc", "rb") as file:
        return read_abc_book(file.read())


def test_a_song():
    sequence = read_tune(SONG)
    # D E F sharp G, A A A A, B G D B, A.
    assert [n.pitch for n in sequence.notes] == (
        [62, 64, 66, 67] + [69] * 4 + [71, 67, 74, 71, 69]
    )
    eighth = 0.3  # seconds, at 100 quarters a minute
    assert [n.start_time for n in sequence.notes] == pytest.approx(
        [eighth * i for i in range(13)]
    )
    assert sequence.total_time == pytest.approx(16 * eighth)
    assert {(n.velocity, n.instrument, n.program) for n in sequence.notes} == {
        (90, 0, 0)
    }
    (meter,), (key,) = sequence.time_signatures, sequence.key_signatures
    assert (meter.numerator, meter.denominator) == (2, 4)
    assert (key.key, key.mode) == (key.D, key.MAJOR)
    assert [(t.time, t.qpm) for t in sequence.tempos] == [(0.0, 100.0)]
    assert sequence.sequence_metadata.title == (
        "Fuchs, du hast die Gans gestohlen; Der Fuchs"
    )
    assert list(sequence.sequence_metadata.composers) == ["Trad."]
    assert sequence.reference_number == 7


def test_tempos_count_from_where_they_stand():
    sequence = read_tune("X:1\nL:1/4\nK:C\nC [Q:1/4=60] D [Q:1/4=240] z C\n")
    assert [(t.time, t.qpm) for t in sequence.tempos] == [
        (0.0, 120.0),
        (0.5, 60.0),
        (1.5, 240.0),
    ]
    assert [(n.start_time, n.end_time) for n in sequence.notes] == [
        (0.0, 0.5),
        (0.5, 1.5),
        (1.75, 2.0),
    ]


def test_an_upbeat_is_the_beginning_and_rests_at_the_end_count():
    sequence = read_tune("X:1\nM:3/4\nL:1/4\nK:C\nG | c2 z |]\n")
    assert [n.start_time for n in sequence.notes] == [0.0, 0.5]
    assert sequence.total_time == 2.0


def test_each_voice_is_an_instrument():
    tune = "X:1\nL:1/4\nV:1\nV:2\nV:3\nK:C\nV:2\nC, D,\nV:1\nc d\n"
    found = [(n.instrument, n.pitch) for n in read_tune(tune).notes]
    assert found == [(0, 72), (1, 48), (0, 74), (1, 50)]


def test_a_tune_without_a_key_line():
    sequence = read_tune("X:1\nT:None\nM:4/4\nL:1/4\nCDEF\n")
    assert [n.pitch for n in sequence.notes] == [60, 62, 64, 65]
    assert not sequence.key_signatures


def test_a_header_may_hold_lines_that_are_no_fields():
    tune = "X:1\nN:a remark that\ngoes on (and on]\nL:1/4\nK:C\nC\n"
    assert len(read_tune(tune).notes) == 1


@pytest.mark.parametrize(
    "tune", ["X:1\nK:C\n", "X:1\nK:C\nz4 | z\n", "X:1\n", "X:1\nK:C\n% CDEF\n"]
)
def test_a_tune_without_notes_says_so(tune):
    with pytest.raises(UserError, match="no note"):
        read_tune(tune)


def test_a_book():
    tunes = read_abc_book(BOOK)
    assert [tune.split("\n")[0] for tune in tunes] == ["X:1", "X:2", "X: 3"]
    found = [[(n.pitch, n.end_time) for n in read_tune(tune).notes] for tune in tunes]
    assert found == [
        [(60, 0.5), (62, 1.0)],  # the length before the first tune holds for all
        [(66, 0.5), (67, 1.0)],
        [(64, 1.0)],  # but for a tune that has its own
    ]
    assert parse_abc(BOOK) == read_tune(tunes[0])


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encodings_and_line_ends(encoding, newline):
    text = SONG.replace("Der Fuchs", "Füchslein").replace("\n", newline)
    sequence = parse_abc(text.encode(encoding))
    assert sequence.sequence_metadata.title.endswith("; Füchslein")
    assert list(sequence.notes) == list(read_tune(SONG).notes)


@pytest.mark.parametrize("data", [b"", b"MThd", b"K:C\nCDE\n"])
def test_a_file_without_a_tune_says_so(data):
    with pytest.raises(UserError, match="it holds no tune"):
        parse_abc(data)


@given(st.text(alphabet="ABCcz|:[]()1234/<>-^_=\"'{}!+&.VKLMQ \n", max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        sequence = read_tune(f"X:1\nM:4/4\nK:G\n{text}")
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert all(0 <= n.start_time < n.end_time for n in sequence.notes)
        assert all(n.end_time <= sequence.total_time for n in sequence.notes)


def test_tunes_without_rests_and_ties_are_as_note_seq_reads_them():
    from note_seq.abc_parser import ABCTune

    tunes = [
        tune
        for tune in book("erk20")
        if not re.search("[-z]", tune[tune.index("\nK:") :])
    ]
    assert len(tunes) > 50
    for tune in tunes:
        expected, found = ABCTune(tune.split("\n")).note_sequence, read_tune(tune)
        assert list(found.key_signatures) == list(expected.key_signatures)
        assert list(found.time_signatures) == list(expected.time_signatures)
        assert list(found.notes) == list(expected.notes)


def test_a_folk_song_with_accidentals_across_lines():
    # E0040A in A minor, its signature A major: the naturals hold to the bar line,
    # and the bar goes on over the end of the line.
    names = {60: "C", 62: "D", 64: "E", 66: "F#", 67: "G", 68: "G#", 69: "A"}
    names |= {71: "B", 72: "c", 73: "c#", 74: "d", 76: "e"}
    tune = read_tune(book("erk10")[47])
    found = " ".join(names[note.pitch] for note in tune.notes)
    assert found.startswith("E A B c B A G# A B c d e d c c B c d B c e e A c B A")
    assert "c#" not in found


def test_a_folk_song_from_its_upbeat_to_its_last_rest():
    sequence = read_tune(book("erk10")[0])  # E0001, in F
    assert [n.pitch for n in sequence.notes][:8] == [60, 65, 65, 65, 67, 69, 67, 65]
    assert sequence.total_time == 14 * 1.0  # fourteen bars of 2/4
    assert sequence.notes[-1].end_time == 14 - 0.25  # an eighth
