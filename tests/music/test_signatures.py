import io
import zipfile

import pytest

from tests.music.midi_bytes import END, midi_file
from tfmusic.music.signatures import is_zip, mismatch

MIDI = midi_file(END)
RMID = b"RIFF\x99\0\0\0RMIDdata" + MIDI
SCORE = b'<?xml version="1.0"?>\n<!-- \n -->\n<score-partwise version="4.0">'
ABC = b"X: 1\nT:Tune\nK:C\nCDEF|"


def zipped(*names):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return data.getvalue()


@pytest.mark.parametrize(
    "data, suffix, kind",
    [
        (MIDI, ".mid", ""),
        (RMID, ".mid", ""),
        (b"\0" * 127 + b"\1" + MIDI, ".mid", ""),
        (MIDI, ".xml", "name it .mid"),
        (RMID, ".abc", "name it .mid"),
        (SCORE, ".mxl", ""),
        (SCORE, ".mid", "name it .xml"),
        (zipped("META-INF/container.xml", "score.xml"), ".xml", ""),
        (zipped("META-INF/container.xml", "score.xml"), ".mid", "name it .mxl"),
        (zipped("song.mid"), ".mid", "zip archive"),
        (zipped("song.mid"), ".mxl", ""),
        (ABC, ".abc", ""),
        (b"\xef\xbb\xbf%abc-2.1\n" + ABC, ".mid", "name it .abc"),
        (b"\x89PNG\r\n\x1a\n", ".mid", "a picture"),
        (b"%PDF-1.7", ".mxl", "a PDF"),
        (b"RIFF\x99\0\0\0WAVEfmt ", ".mid", "a recording"),
        (b"ID3\x04", ".mid", "a recording"),
        (b"\n<!DOCTYPE html>\n<html>", ".xml", "a web page"),
        (b"\x1f\x8b\x08", ".mid", "an archive"),
        (bytes(512), ".mid", "nothing but zeros"),
        (b"anything else", ".mid", ""),
    ],
)
def test_what_a_file_really_is(data, suffix, kind):
    found = mismatch(data, suffix)
    assert kind in found and bool(kind) == bool(found)


def test_is_zip():
    assert is_zip(zipped("song.mid")) and not is_zip(MIDI)
