import io
import zipfile

import pytest

from tests.music.midi_bytes import notes
from tfmusic.errors import UserError
from tfmusic.music import score_file
from tfmusic.music.score_file import read_score

CONTAINER = (
    '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
)
SCORE = """<?xml version="1.0"?>
<score-partwise><part-list>
<score-part id="P1"><part-name>Soprano</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes>
<note><pitch><step>A</step><octave>4</octave></pitch><duration>2</duration></note>
</measure></part></score-partwise>
"""


def zipped(score, container=CONTAINER):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("a.xml", score)
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [SCORE.encode(), SCORE.encode("utf-16"), zipped(SCORE)],
    ids=["xml", "utf-16", "zip"],
)
def test_every_form_is_told_by_its_bytes(data):
    # A4, two quarters at 120 a minute.
    assert [note[::2] for note in notes(read_score(data, "song.xml"))] == [(69, 0.0)]
    assert read_score(data, "song.xml").total_time == 1.0


def test_a_bomb_is_not_unzipped(monkeypatch):
    bomb = zipped(bytes(2**26))
    assert len(bomb) < 2**17
    with pytest.raises(UserError, match="cannot read song.mxl: .*bytes unzipped"):
        read_score(bomb, "song.mxl")


def test_a_bomb_that_lies_about_its_size_is_cut_short():
    bomb = zipped(SCORE + " " * 2**20)
    size = (len(SCORE) + 2**20).to_bytes(4, "little")
    assert size in bomb
    with pytest.raises(UserError, match="cannot read song.mxl: not MusicXML"):
        read_score(bomb.replace(size, b"\x40\0\0\0"), "song.mxl")


def test_a_score_that_is_too_long(monkeypatch):
    monkeypatch.setattr(score_file, "MAX_BYTES", 100)
    with pytest.raises(UserError, match="longer than 100 bytes"):
        read_score(SCORE.encode(), "song.xml")


LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {after} "{f"&{before};" * 50}">'
    for before, after in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"<score-partwise/>", "not MusicXML"),
        (b"<html/>", "not MusicXML"),
        (b"<score-partwise>" * 100_000, "not MusicXML"),
        (SCORE[:-20].encode(), "not MusicXML"),
        (zipped(SCORE)[:150], "not MusicXML"),
        (zipped(SCORE, "<container/>"), "not MusicXML"),
        (zipped(SCORE, CONTAINER.replace("a.xml", "../b.xml")), "not MusicXML"),
        (SCORE.replace(">4<", ">44<").encode(), "pitch is not from 0 to 127"),
        (SCORE.replace(">2<", ">400000<").encode(), "time is not from 0 to 86400"),
        ((LAUGHS + "]><a>&h;</a>").encode(), "not MusicXML"),
    ],
    ids=range(10),
)
def test_what_is_no_score_is_one_line(data, reason):
    with pytest.raises(UserError, match=reason) as error:
        read_score(data, "song.mxl")
    assert str(error.value).startswith("cannot read song.mxl: ")
    assert "\n" not in str(error.value)
