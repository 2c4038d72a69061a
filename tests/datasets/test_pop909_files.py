import os

import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.pop909_files import (
    add_beats,
    add_chords,
    add_keys,
    list_songs,
    read_song,
    remove_meters_of_one_beat,
)
from tfmusic.errors import UserError
from tfmusic.music.note_sequence import NoteSequence

REAL = os.path.join(os.path.dirname(__file__), "../../../shared/data/pop909-main.zip")

# An upbeat, then two bars of three.
BEATS = """0.05 0.0 0.0
0.55 1.0 1.0
1.05 0.0 0.0
1.55 0.0 0.0
2.05 1.0 1.0
2.55 0.0 0.0
3.05 0.0 0.0
"""
CHORDS = """0.05\t0.55\tN
0.55\t1.05\tB:maj
1.05\t1.55\tB:maj
1.55\t2.05\tF#:maj7/5
2.55\t3.05\tBb:sus4(b7)
"""
KEYS = "2.67\t10.5\tGb:maj\n10.5\t19.0\tE:min\n"

FILES = {
    "POP909/002/002.mid": midi(62, name="MELODY"),
    "POP909/001/001.mid": midi(60, name="MELODY"),
    "POP909/001/beat_midi.txt": BEATS,
    "POP909/001/beat_audio.txt": "nothing",
    "POP909/001/chord_midi.txt": CHORDS,
    "POP909/001/key_audio.txt": KEYS,
    "POP909/001/versions/001-v1.mid": midi(61),
    "POP909/001/versions/001.mid": midi(61),
    "POP909/README.md": "",
}


def annotations(sequence, kind):
    return [
        (annotation.time, annotation.text)
        for annotation in sequence.text_annotations
        if annotation.annotation_type == getattr(NoteSequence.TextAnnotation, kind)
    ]


@pytest.fixture(params=["folder", "pop909.zip"])
def listing(request, tmp_path):
    return list_songs(write_files(tmp_path / request.param, FILES))


def test_a_song_is_listed_once(listing):
    assert [item.name for item in listing.items] == ["001", "002"]
    assert [item.split for item in listing.items] == [None, None]
    assert listing.unit == "songs"


def test_what_lies_beside_a_song_is_in_it(listing):
    [piece] = read_song(listing.items[0])
    sequence = piece.sequence
    assert (piece.name, piece.split, sequence.id) == ("001", None, "001")
    assert [note.pitch for note in sequence.notes] == [60]
    assert [info.name for info in sequence.instrument_infos] == ["MELODY"]
    assert len(annotations(sequence, "BEAT")) == 7
    assert len(annotations(sequence, "CHORD_SYMBOL")) == 6
    assert len(sequence.key_signatures) == 2


def test_a_song_with_no_texts_is_read_all_the_same(listing):
    [piece] = read_song(listing.items[1])
    assert [note.pitch for note in piece.sequence.notes] == [62]
    assert not piece.sequence.text_annotations


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ([(0, 1, 4)], []),
        ([(0, 4, 4), (1.5, 1, 4)], [(0, 4, 4)]),
        ([(0, 2, 4), (3, 1, 8), (4, 6, 8)], [(0, 2, 4), (3, 1, 8), (4, 6, 8)]),
    ],
)
def test_a_bar_of_one_quarter_is_no_bar(written, kept):
    sequence = NoteSequence()
    for time, numerator, denominator in written:
        sequence.time_signatures.add(
            time=time, numerator=numerator, denominator=denominator
        )
    remove_meters_of_one_beat(sequence)
    found = [(m.time, m.numerator, m.denominator) for m in sequence.time_signatures]
    assert found == kept


def test_a_song_in_1_4_is_read_without_meter(tmp_path):
    meter = b"\x00\xff\x58\x04\x01\x02\x18\x08"  # at once: 1/4
    data = midi(60)
    begin = data.index(b"MTrk") + 8
    length = (len(data) - begin + len(meter)).to_bytes(4, "big")
    data = data[: begin - 4] + length + meter + data[begin:]
    [item] = list_songs(write_files(tmp_path / "set", {"001.mid": data})).items
    [piece] = read_song(item)
    assert [note.pitch for note in piece.sequence.notes] == [60]
    assert not piece.sequence.time_signatures


def test_beats_are_counted_from_the_bar():
    sequence = NoteSequence()
    add_beats(sequence, BEATS)
    found = annotations(sequence, "BEAT")
    assert [text for _, text in found] == ["", "1", "2", "3", "1", "2", "3"]
    assert [time for time, _ in found][:2] == [0.05, 0.55]


def test_chords_are_note_seq_s_symbols_and_change():
    sequence = NoteSequence()
    add_chords(sequence, CHORDS)
    assert annotations(sequence, "CHORD_SYMBOL") == [
        (0.05, "N.C."),
        (0.55, "B"),
        (1.55, "F#maj7/C#"),
        (2.05, "N.C."),  # no line says what is here
        (2.55, "Bbsus(b7)"),
        (3.05, "N.C."),
    ]


def test_the_first_key_counts_from_the_beginning():
    sequence = NoteSequence()
    sequence.key_signatures.add(key=NoteSequence.KeySignature.C)
    add_keys(sequence, KEYS)
    key = NoteSequence.KeySignature
    assert [(k.time, k.key, k.mode) for k in sequence.key_signatures] == [
        (0.0, key.G_FLAT, key.MAJOR),
        (10.5, key.E, key.MINOR),
    ]


@pytest.mark.parametrize(
    ("text", "content", "reason"),
    [
        ("beat_midi.txt", "0.5 1.0", "'0.5 1.0' has not 3 fields"),
        ("beat_midi.txt", "soon 1.0 1.0", "could not convert"),
        ("beat_midi.txt", "nan 1.0 1.0", "'nan' is not a time"),
        ("chord_midi.txt", "0.5 1.0 H:maj", "'H:maj' is not a chord"),
        ("key_audio.txt", "0.5 1.0 C:dor", "'C:dor' is not a key"),
        ("key_audio.txt", "0.5 1.0 H:maj", "'H' is not the name of a note"),
        ("key_audio.txt", b"\xff\xfe", "can't decode"),
    ],
)
def test_other_text_is_the_reason_to_skip_a_song(text, content, reason, tmp_path):
    files = {"001.mid": midi(60), text: content}
    [item] = list_songs(write_files(tmp_path / "set", files)).items
    with pytest.raises(UserError, match=f"cannot read {text}: .*{reason}"):
        read_song(item)


def test_an_input_without_songs_is_one_line(tmp_path):
    path = write_files(tmp_path / "set", {"song.mid": midi(60), "1234.mid": midi(60)})
    with pytest.raises(UserError, match="set holds no song of POP909, such as POP909/"):
        list_songs(path)


@pytest.mark.skipif(not os.path.exists(REAL), reason="needs the standard data")
def test_the_standard_data():
    items = list_songs(REAL).items
    assert [item.name for item in items] == [f"{n:03d}" for n in range(1, 910)]
    [piece] = read_song(items[0])
    names = [info.name for info in piece.sequence.instrument_infos]
    assert names == ["MELODY", "BRIDGE", "PIANO"]
    assert len(piece.sequence.notes) == 1556
