import io
import os
import warnings
import zipfile

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.music.midi_bytes import END, chunk, header, midi_file, notes, track
from tfmusic.errors import UserError
from tfmusic.music.midi_reader import read_midi
from tfmusic.music.note_sequence import midi_io

DATA = os.path.join(os.path.dirname(__file__), "../../../shared/data")

# 96 ticks a quarter; without a tempo, 120 quarters a minute: 0x60 ticks are 0.5 s.
C4 = "00 903C40 60 803C40"
E4 = "00 914050 60 914000"


def oracle(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return midi_io.midi_to_note_sequence(data)


@st.composite
def messages(draw):
    """A few of few kinds, so that they meet: overlaps, late programs, silent ones."""
    kind = draw(st.integers(0, 9))
    channel, time = draw(st.sampled_from([0, 9])), draw(st.integers(0, 2))
    common = {"channel": channel, "time": time}
    value = draw(st.integers(0, 127))
    if kind < 3:
        return mido.Message("note_on", note=60 + kind % 2, velocity=value, **common)
    if kind < 6:
        return mido.Message("note_off", note=60 + kind % 2, velocity=value, **common)
    if kind == 6:
        return mido.Message("control_change", control=64, value=value, **common)
    if kind == 7:
        return mido.Message("pitchwheel", pitch=value * 128 - 8192, **common)
    if kind == 8:
        return mido.Message("program_change", program=value % 3, **common)
    return mido.MetaMessage("track_name", name="AB"[: value % 3], time=time)


@st.composite
def conductors(draw):
    """The first track's tempos, meters and keys."""
    kind, time = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    if kind == 0:
        tempo = draw(st.sampled_from([1, 500_000, 600_001, 2**24 - 1]))
        return mido.MetaMessage("set_tempo", tempo=tempo, time=time)
    if kind == 1:
        numerator, denominator = draw(st.integers(1, 12)), 2 ** draw(st.integers(0, 5))
        return mido.MetaMessage(
            "time_signature", numerator=numerator, denominator=denominator, time=time
        )
    key = draw(st.sampled_from("C Cb F# G Am Abm A#m Bb".split()))
    return mido.MetaMessage("key_signature", key=key, time=time)


@settings(max_examples=150)
@given(
    tracks=st.tuples(
        st.lists(st.one_of(messages(), conductors()), min_size=1, max_size=40),
        st.lists(messages(), min_size=1, max_size=40),
    ),
    ticks=st.sampled_from([1, 96, 480, 32767]),
)
def test_well_formed_files_equal_note_seqs_reading(tracks, ticks):
    midi = mido.MidiFile(ticks_per_beat=ticks)
    for events in tracks:
        midi.tracks.append(mido.MidiTrack(events))
    file = io.BytesIO()
    midi.save(file=file)
    assert read_midi(file.getvalue(), "song.mid") == oracle(file.getvalue())


@pytest.mark.parametrize(
    "archive, stride",
    [
        ("pop909-main.zip", 301),
        ("groove-midi.zip", 201),
        ("maestro-v3.0.0-midi.zip", 700),
    ],
)
def test_real_files_equal_note_seqs_reading(archive, stride):
    if not os.path.exists(os.path.join(DATA, archive)):
        pytest.skip("needs the standard data")
    with zipfile.ZipFile(os.path.join(DATA, archive)) as files:
        names = [name for name in sorted(files.namelist()) if ".mid" in name]
        for name in names[::stride]:
            data = files.read(name)
            assert read_midi(data, name) == oracle(data), name


BOTH = [(60, 64, 0.0, 0.5), (64, 80, 0.0, 0.5)]
FIRST = BOTH[:1]
GOOD = midi_file(f"{C4} {END}", f"{E4} {END}")
LONG = "FFFFFF7F"  # 2**28 - 1 ticks; 16 days at 96 ticks a quarter


DAMAGED = {
    "good": (GOOD, BOTH),
    "cut off within the second track's end": (GOOD[:-2], BOTH),
    "cut off before the second track's note ends": (GOOD[:-5], FIRST),
    "cut off in the second track's name": (GOOD[:-19], FIRST),
    "60,000 tracks declared": (header(60_000) + GOOD[14:], BOTH),
    "one track declared": (header(1) + GOOD[14:], BOTH),
    "no length": (
        header(2) + track(f"{C4} {END}", 0) + track(f"{E4} {END}", 0),
        BOTH,
    ),
    "unknown chunk": (header(2) + chunk("ABCD", b"\x90<@") + GOOD[14:], BOTH),
    "MacBinary": (b"\0\x08song.mid".ljust(128, b"\0") + GOOD + bytes(90), BOTH),
    "RIFF": (b"RIFF\xff\0\0\0RMIDdata" + bytes([len(GOOD), 0, 0, 0]) + GOOD, BOTH),
    "running status across meta events": (
        midi_file(f"00 903C40 00 FF010141 00 F001F7 60 3C00 {END}"),
        [(60, 64, 0.0, 0.5)],
    ),
    "damage in one track": (midi_file(f"{C4} 00 F400 {E4}", f"{E4} {END}"), BOTH),
    "no end of track": (midi_file(C4, E4), BOTH),
    "tempo 0": (midi_file(f"00 FF5103000000 {C4} {END}"), FIRST),
    "tempo without content": (midi_file(f"00 FF5100 {C4} {END}"), FIRST),
    "tempo in the second track": (
        midi_file(f"{C4} {END}", f"00 FF51030F4240 {E4} {END}"),
        [(60, 64, 0.0, 1.0), (64, 80, 0.0, 1.0)],
    ),
    "division 0": (  # taken to be 480: 96 ticks are 0.1 s
        midi_file(f"{C4} {END}", division="0000"),
        [(60, 64, 0.0, 0.1)],
    ),
    "SMPTE: 25 frames of 40 ticks": (
        midi_file(f"00 FF51030F4240 {C4} {END}", division="E728"),
        [(60, 64, 0.0, 0.096)],
    ),
    "a gap of days": (midi_file(f"{C4} {LONG} 903E40 60 803E40 {END}"), FIRST),
    "a note that lasts days": (midi_file(f"{C4} 00 903E40 {LONG} 803E40"), FIRST),
    "a note that never ends": (midi_file(f"00 904340 {C4} {END}"), FIRST),
    "a note that lasts no time": (midi_file(f"00 904340 00 804340 {C4}"), FIRST),
    "two notes and one end": (
        midi_file(f"00 903C40 30 903C41 30 803C40 60 803C40 {END}"),
        [(60, 64, 0.0, 0.5), (60, 65, 0.25, 0.5)],
    ),
    "a meter of 0": (midi_file(f"00 FF580400021808 {C4}"), FIRST),
    "nine sharps": (midi_file(f"00 FF59020900 {C4}"), FIRST),
    "no note, but whole": (midi_file(f"00 C034 {END}"), []),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_a_damaged_file_still_holds(case):
    data, expected = DAMAGED[case]
    assert_notes(read_midi(data, "song.mid"), expected)


def assert_notes(sequence, expected):
    for found, note in zip(notes(sequence), expected, strict=True):
        assert found == pytest.approx(note)


@pytest.mark.parametrize(
    "data, reason",
    [
        (header(2) + track(END), "of 2 tracks it holds 1"),
        (midi_file("00 3C40"), "damaged MIDI .an event has no status"),
        (midi_file("00 90C040"), "damaged MIDI .an event lacks a data byte"),
        (bytes(64), "not a MIDI file"),
        (b"\x89PNG" + bytes(64), "not a MIDI file"),
    ],
)
def test_without_any_note_damage_is_an_error_of_one_line(data, reason):
    with pytest.raises(UserError, match=f"^cannot read song.mid: .*{reason}"):
        read_midi(data, "song.mid")


@pytest.mark.parametrize(
    "content, name",
    [
        (b"Piano", "Piano"),
        ("Flöte".encode(), "Flöte"),
        ("Flöte".encode("latin-1"), "Flöte"),
        (b"\xff\xfe\x80\0", "ÿþ\x80\0"),
    ],
)
def test_names_in_any_encoding(content, name):
    named = f"00 FF03{len(content):02X}{content.hex()}"
    sequence = read_midi(midi_file(f"{named} {C4} 00 FF030141 {END}"), "song.mid")
    assert [(info.instrument, info.name) for info in sequence.instrument_infos] == [
        (0, name)
    ]


def test_meters_and_keys_of_the_first_track_that_has_any():
    meter = "00 FF580403021808 00 FF5902FD01"  # 3/4, three flats, minor
    waltz = read_midi(midi_file(END, f"{meter} {C4}", f"00 FF580404021808 {E4}"), "")
    assert [(m.numerator, m.denominator) for m in waltz.time_signatures] == [(3, 4)]
    assert [(key.key, key.mode) for key in waltz.key_signatures] == [(0, 1)]  # C minor


def test_bounds_on_instruments_and_changes(monkeypatch):
    monkeypatch.setattr("tfmusic.music.midi_reader.MAX_INSTRUMENTS", 1)
    with pytest.raises(UserError, match="song.mid: .*more than 1 instruments"):
        read_midi(GOOD, "song.mid")
    monkeypatch.undo()
    monkeypatch.setattr("tfmusic.music.midi_reader.MAX_CHANGES", 1)
    with pytest.raises(UserError, match="song.mid: .*more than 1 control changes"):
        read_midi(midi_file(f"00 B04040 00 4000 {C4} {END}"), "song.mid")
