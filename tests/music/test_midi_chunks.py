import pytest

from tests.music.midi_bytes import END, chunk, header, midi_file, track
from tfmusic.errors import UserError
from tfmusic.music.midi_chunks import Division, find_chunks, read_division

NOTE = "00 903C40 60 803C40 " + END
BODY = bytes.fromhex(NOTE)
GOOD = midi_file(NOTE, NOTE)
RIFF = b"RIFF\xff\xff\0\0RMIDdata" + len(GOOD).to_bytes(4, "little") + GOOD


def bodies(data):
    chunks = find_chunks(data, "song.mid")
    return [chunks.data[start:end] for start, end in chunks.tracks]


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        bytes(128) + GOOD,  # MacBinary
        RIFF + b"LIST\x04\0\0\0INFO",
        header(60_000) + track(NOTE) * 2,
        header(1) + track(NOTE) * 2,
        b"MThd\0\0\0\x08" + header(2)[8:] + b"\0\0" + track(NOTE) * 2,
        b"MThd\xff\0\0\x06" + header(2)[8:] + track(NOTE) * 2,
        header(2) + chunk("XFIH", b"text") + track(NOTE) * 2,
        header(2) + track(NOTE) + chunk("CASM", b"MTrk\0\0") + track(NOTE),
        header(2) + track(NOTE) + b"\0\0\0" + track(NOTE),
        header(2) + track(NOTE, 0) * 2,
        header(2) + track(NOTE, 5) * 2,
        header(2) + track(NOTE, 20) * 2,
        header(2) + track(NOTE, 2**32 - 1) * 2,
    ],
    ids=[
        "good",
        "junk before",
        "riff",
        "tracks missing",
        "tracks not declared",
        "long header",
        "wrong header length",
        "other chunk before",
        "other chunk between",
        "junk between",
        "no length",
        "length too short",
        "length too long",
        "length beyond the file",
    ],
)
def test_both_tracks_are_found(data):
    assert [body.rstrip(b"\0") for body in bodies(data)] == [BODY.rstrip(b"\0")] * 2


def test_a_pad_byte_belongs_to_no_track():
    assert bodies(header(2) + (track(NOTE) + b"\0") * 2)[0] == BODY


def test_a_track_that_is_cut_off_is_what_there_is():
    assert bodies(GOOD[:-6]) == [BODY, BODY[:-6]]


def test_what_is_missing_is_said():
    assert (
        find_chunks(header(3) + track(NOTE) * 2, "").damage == "of 3 tracks it holds 2"
    )
    assert find_chunks(GOOD, "").damage == ""


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "not a MIDI file"),
        (bytes(1000), "not a MIDI file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a MIDI file"),
        (GOOD[:13], "not a MIDI file"),
        (GOOD[:14], "no track"),
        (GOOD[:20], "no track"),
        (header(2) + b"MTrj" + bytes(20), "no track"),
        (header(2049) + track(END) * 2049, "more than 2048 tracks"),
        (GOOD + bytes(2**26), "longer than"),
    ],
)
def test_what_is_no_music_is_one_line(data, reason):
    with pytest.raises(UserError, match=f"cannot read song.mid: .*{reason}"):
        find_chunks(data, "song.mid")


@pytest.mark.parametrize(
    "field, division",
    [
        ("0060", Division(96)),
        ("7FFF", Division(32767)),
        ("0000", Division(480)),
        ("E728", Division(500, 1 / 1000)),  # 25 frames of 40 ticks: milliseconds
        ("E250", Division(1200, 1 / 2400)),  # 30 frames of 80 ticks
        ("E364", Division(1499, 1001 / 3_000_000)),  # 29.97 frames of 100 ticks
        ("E700", Division(0x6700)),  # no ticks a frame: a bit is wrong
        ("81E0", Division(480)),  # 127 frames a second: a bit is wrong
        ("8000", Division(480)),
    ],
)
def test_division(field, division):
    found = read_division(bytes.fromhex(field))
    assert found.ticks_per_quarter == division.ticks_per_quarter
    assert found.seconds_per_tick == pytest.approx(division.seconds_per_tick)
