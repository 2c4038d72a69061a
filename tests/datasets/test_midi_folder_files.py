import os
import sys

import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.midi_folder_files import list_music, read_music
from tfmusic.errors import UserError
from tfmusic.music.note_arrays import digest

BOOK = b"X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:7\nT:Two\nM:3/4\nL:1/4\nK:G\nGAB|\n"
SCORE = """<?xml version="1.0"?>
<score-partwise version="3.1">
  <part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
  <part id="P1"><measure number="1">
    <attributes><divisions>1</divisions>
      <time><beats>4</beats><beat-type>4</beat-type></time></attributes>
    <note><pitch><step>A</step><octave>4</octave></pitch><duration>4</duration></note>
  </measure></part>
</score-partwise>
"""
FILES = {
    "b/two.MID": midi(62, 64),
    "a.midi": midi(60),
    "songs.abc": BOOK,
    "score.musicxml": SCORE,
    "notes.txt": "nothing",
    ".hidden.mid": midi(61),
}


@pytest.fixture(params=["folder", "music.zip"])
def path(request, tmp_path):
    return write_files(tmp_path / request.param, FILES)


def pitches(piece):
    return [note.pitch for note in piece.sequence.notes]


def test_all_music_is_listed_by_its_path(path):
    listing = list_music(path)
    assert [item.name for item in listing.items] == [
        "a.midi",
        "b/two.MID",
        "score.musicxml",
        "songs.abc#1",
        "songs.abc#2",
    ]
    assert listing.unit == "files and tunes"


def test_each_kind_of_file_is_read(path):
    pieces = [read_music(item) for item in list_music(path).items]
    assert [pitches(piece) for [piece] in pieces] == [
        [60],
        [62, 64],
        [69],
        [60, 62, 64, 65],
        [67, 69, 71],
    ]
    [piece] = pieces[1]
    assert piece.name == piece.sequence.id == "b/two.MID"
    assert piece.split is None


def test_what_decides_the_split_is_the_notes(tmp_path):
    files = {"a.mid": midi(60, 64), "z/b.mid": midi(60, 64, name="renamed")}
    path = write_files(tmp_path / "set", {**files, "c.mid": midi(60, 65)})
    first, other, copy = [
        piece for item in list_music(path).items for piece in read_music(item)
    ]
    assert copy.name == "z/b.mid"
    digests = [digest(piece.sequence) for piece in (first, copy, other)]
    assert digests[0] == digests[1] != digests[2]


def test_a_single_file_is_accepted(tmp_path):
    (tmp_path / "one.mid").write_bytes(midi(60))
    listing = list_music(str(tmp_path / "one.mid"))
    assert (listing.origin, listing.unit) == ("one.mid", "files")
    [item] = listing.items
    [piece] = read_music(item)
    assert (piece.name, pitches(piece)) == ("one.mid", [60])


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("bad.mid", b"\x89PNG\r\n\x1a\n", "bad.mid"),
        ("bad.mid", b"", "bad.mid.*empty"),
        ("bad.mid", midi(), "cannot read bad.mid: it has no notes"),
        ("bad.xml", b"<html></html>", "bad.xml"),
        ("bad.abc", b"no tune", "cannot read bad.abc: it holds no tune"),
        ("bad.abc", b"X:1\nK:C\n\n", "cannot read bad.abc#1: the tune has no note"),
    ],
)
def test_a_bad_file_is_listed_and_skipped_with_a_reason(name, data, reason, tmp_path):
    path = write_files(tmp_path / "set", {name: data, "good.mid": midi(60)})
    bad, good = list_music(path).items
    with pytest.raises(UserError, match=reason) as error:
        read_music(bad)
    assert "\n" not in str(error.value)
    assert len(read_music(good)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="file names are UTF-8 elsewhere")
@pytest.mark.parametrize("suffix", [".mid", ".abc"])
def test_a_name_that_is_not_utf_8(suffix, tmp_path):
    data = {".mid": midi(60), ".abc": BOOK}[suffix]
    (tmp_path / os.fsdecode(b"caf\xe9" + suffix.encode())).write_bytes(data)
    [piece] = read_music(list_music(str(tmp_path)).items[0])
    assert piece.sequence.filename == rf"caf\udce9{suffix}"
    assert (
        piece.name
        == piece.sequence.id
        == piece.sequence.filename + ("#1" if suffix == ".abc" else "")
    )


def test_a_folder_without_music_is_one_line(tmp_path):
    path = write_files(tmp_path / "set", {"notes.txt": "nothing"})
    with pytest.raises(UserError, match=r"set holds no music: looked for .mid, .midi,"):
        list_music(path)
    with pytest.raises(UserError, match="cannot read .*nowhere"):
        list_music(str(tmp_path / "nowhere"))
