import io
import os
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.errors import UserError
from tfmusic.music import Limits, parse_sequence, read_sequence, write_midi
from tfmusic.music.note_sequence import NoteSequence

SECONDS_PER_TICK = 0.6 / 96  # 100 quarters a minute, 96 ticks a quarter

# A file of two tracks, as it stands in the standard.
MIDI = bytes.fromhex(
    "4D546864 00000006 0001 0002 0060"  # format 1, 2 tracks, 96 ticks a quarter
    "4D54726B 0000000B"
    "00 FF5103 0927C0"  # 600,000 microseconds a quarter
    "00 FF2F00"
    "4D54726B 00000027"
    "00 C034"  # program 52, choir
    "00 903C40"  # C4 on, velocity 64
    "60 3C00"  # a quarter later C4 on with velocity 0, running status: it is off
    "00 904350"  # G4 on, velocity 80
    "30 904060"  # an eighth later E4 on, velocity 96
    "30 804300"  # G4 off
    "8140 804040"  # two quarters (192 ticks) later E4 off
    "00 903C01"  # C4 on, velocity 1
    "01 903C00"  # one tick later off
    "00 FF2F00"
)
NOTES = [  # pitch, velocity, start and end in quarters
    (60, 64, 0.0, 1.0),
    (67, 80, 1.0, 2.0),
    (64, 96, 1.5, 4.0),
    (60, 1, 4.0, 4.0 + 1 / 96),
]


def notes_of(sequence):
    """What a note is, in the order of time."""
    return sorted(
        (note.start_time, note.instrument, note.pitch, note.end_time, note.velocity)
        for note in sequence.notes
    )


def read_bytes(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return read_sequence(path)


def test_golden_midi_file(tmp_path):
    sequence = read_bytes(tmp_path, "golden.mid", MIDI)
    found = [
        (note.pitch, note.velocity, note.start_time / 0.6, note.end_time / 0.6)
        for note in sorted(sequence.notes, key=lambda note: note.start_time)
    ]
    assert [note[:2] for note in found] == [note[:2] for note in NOTES]
    for note, expected in zip(found, NOTES, strict=True):
        assert note[2:] == pytest.approx(expected[2:])
    assert [tempo.qpm for tempo in sequence.tempos] == [pytest.approx(100)]
    assert {note.program for note in sequence.notes} == {52}
    assert sequence.total_time == pytest.approx(0.6 * (4 + 1 / 96))


@st.composite
def sequences(draw):
    """Up to four instruments; a pitch of an instrument doesn't overlap itself."""
    sequence = NoteSequence(ticks_per_quarter=96)
    sequence.tempos.add(qpm=100)
    for instrument in range(draw(st.integers(1, 4))):
        for pitch in draw(st.sets(st.integers(0, 127), min_size=1, max_size=3)):
            tick = 0
            for _ in range(draw(st.integers(1, 4))):
                start = tick + draw(st.integers(0, 300))
                tick = start + draw(st.integers(1, 300))
                sequence.notes.add(
                    pitch=pitch,
                    velocity=draw(st.integers(1, 127)),
                    instrument=instrument,
                    program=instrument + 50,
                    start_time=start * SECONDS_PER_TICK,
                    end_time=tick * SECONDS_PER_TICK,
                )
    return sequence


@settings(max_examples=50)
@given(sequence=sequences())
def test_notes_written_are_the_notes_read(tmp_path_factory, sequence):
    path = tmp_path_factory.getbasetemp() / "round_trip.mid"
    write_midi(sequence, path)
    back = notes_of(read_sequence(path))
    for found, note in zip(back, notes_of(sequence), strict=True):
        assert found == pytest.approx(note, abs=SECONDS_PER_TICK / 2)


def test_voices_that_sing_one_pitch_stay_apart(tmp_path):
    sequence = NoteSequence()
    for voice in range(4):
        sequence.notes.add(
            pitch=60, velocity=80, start_time=0, end_time=1, instrument=voice
        )
    write_midi(sequence, tmp_path / "unison.mid")
    notes = read_sequence(tmp_path / "unison.mid").notes
    assert sorted(note.instrument for note in notes) == [0, 1, 2, 3]


def test_writing_replaces_the_whole_file_or_nothing(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(MIDI)
    broken = NoteSequence()
    broken.notes.add(pitch=300, velocity=80, end_time=1)
    with pytest.raises(ValueError):
        write_midi(broken, path)
    assert path.read_bytes() == MIDI
    assert os.listdir(tmp_path) == ["song.mid"]


SCORE = """<?xml version="1.0"?>
<score-partwise>
  <part-list>
    <score-part id="P1"><part-name>Soprano</part-name></score-part>
    <score-part id="P2"><part-name>Bass</part-name></score-part>
  </part-list>
  <part id="P1">
    <measure number="1">
      <attributes><divisions>2</divisions></attributes>
      <note><grace/><pitch><step>B</step><octave>4</octave></pitch></note>
      <note><pitch><step>C</step><octave>5</octave></pitch><duration>2</duration></note>
      <note><pitch><step>C</step><octave>5</octave></pitch><duration>6</duration>
        <tie type="start"/></note>
    </measure>
    <measure number="2">
      <note><pitch><step>C</step><octave>5</octave></pitch><duration>1</duration>
        <tie type="stop"/></note>
      <note><pitch><step>D</step><octave>5</octave></pitch><duration>7</duration></note>
    </measure>
  </part>
  <part id="P2">
    <measure number="1">
      <attributes><divisions>2</divisions></attributes>
      <note><rest/><duration>8</duration></note>
    </measure>
    <measure number="2">
      <note><pitch><step>C</step><octave>5</octave></pitch><duration>8</duration>
        <tie type="stop"/></note>
    </measure>
  </part>
</score-partwise>
"""


def zipped(score):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles>'
            "</container>",
        )
        archive.writestr("score.xml", score)
    return data.getvalue()


@pytest.mark.parametrize("name", ["score.xml", "score.musicxml", "score.mxl"])
def test_musicxml(tmp_path, name):
    data = zipped(SCORE) if name.endswith(".mxl") else SCORE.encode()
    sequence = read_bytes(tmp_path, name, data)
    found = [
        (note.part, note.instrument, note.pitch, note.start_time, note.end_time)
        for note in sequence.notes
    ]
    assert found == [  # at 120 quarters a minute
        (0, 0, 72, 0.0, 0.5),  # C5, not tied to the next
        (0, 0, 72, 0.5, 2.25),  # C5, a dotted half tied to an eighth
        (0, 0, 74, 2.25, 4.0),  # D5
        (1, 1, 72, 2.0, 4.0),  # the bass' C5 is no end of the soprano's
    ]
    assert [info.name for info in sequence.part_infos] == ["Soprano", "Bass"]


@pytest.mark.parametrize(
    "name, data, reason",
    [
        ("picture.mid", b"\x89PNG\r\n\x1a\n", "not a MIDI file but a picture"),
        ("score.mid", SCORE.encode(), "not a MIDI file but a MusicXML file: name it"),
        ("song.xml", MIDI, "not MusicXML but a MIDI file: name it .mid"),
        ("song.abc", MIDI, "not an ABC tune but a MIDI file: name it .mid"),
        ("zeros.mid", bytes(1000), "nothing but zeros"),
        ("junk.mid", b"junk", "not a MIDI file"),
        ("empty.abc", b"", "empty"),
        ("notes.abc", b"CDEF", "cannot read .*notes.abc: it holds no tune"),
        ("empty.mid", b"", "empty"),
        ("empty.mxl", b"", "empty"),
        ("short.mid", MIDI[:40], "damaged MIDI"),
        ("short.mxl", zipped(SCORE)[:200], "not MusicXML"),
        ("short.xml", SCORE[:300].encode(), "not MusicXML"),
        ("page.xml", b"<html/>", "not MusicXML but a web page"),
        ("song.mp3", b"ID3", "not a music file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_one_line(tmp_path, name, data, reason):
    with pytest.raises(UserError, match=reason) as error:
        read_bytes(tmp_path, name, data)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, data, pitches",
    [
        ("SONG.MID", MIDI, [60, 67, 64, 60]),
        ("Song.Midi", MIDI, [60, 67, 64, 60]),
        ("SCORE.MXL", zipped(SCORE), [72, 72, 74, 72]),
        ("Score.XML", SCORE.encode(), [72, 72, 74, 72]),
        ("zipped.xml", zipped(SCORE), [72, 72, 74, 72]),
        ("Book.ABC", b"X:1\nK:C\nCDE|\n\nX:2\nK:C\nG|\n", [60, 62, 64]),
    ],
)
def test_the_suffix_says_what_it_is(tmp_path, name, data, pitches):
    sequence = parse_sequence(data, name)
    assert [note.pitch for note in sequence.notes] == pitches
    assert read_bytes(tmp_path, name, data) == sequence


def test_limits_hold_while_parsing(monkeypatch):
    def read_midi(data, name):
        time.sleep(5)

    monkeypatch.setattr("tfmusic.music.midi_reader.read_midi", read_midi)
    with pytest.raises(UserError, match="cannot read song.mid: .*0.05 seconds"):
        parse_sequence(MIDI, "song.mid", Limits(seconds=0.05))


def test_limits_hold_while_reading(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")  # to which nobody writes
    with pytest.raises(UserError, match="pipe.mid: .*0.05 seconds"):
        read_sequence(tmp_path / "pipe.mid", Limits(seconds=0.05))


def test_a_huge_file_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("tfmusic.music.io.MAX_BYTES", 100)
    with pytest.raises(UserError, match="song.mid: it is longer than 100 bytes"):
        read_bytes(tmp_path, "song.mid", MIDI + bytes(100))


@pytest.mark.parametrize("name", ["missing.mid", "folder.mid"])
def test_what_is_not_a_file_is_one_line(tmp_path, name):
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(UserError, match=f"cannot read .*{name}"):
        read_sequence(tmp_path / name)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_midi(NoteSequence(), tmp_path / "file" / "song.mid")
