"""MusicXML through note_seq's parser, and what that leaves to do."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from tfmusic.music.note_sequence import NoteSequence, musicxml_parser, musicxml_reader

SAME_TIME = 1e-6  # seconds


def read_musicxml(path: str) -> NoteSequence:
    """Reads a score: one instrument a part, one note for tied notes, no grace notes.

    note_seq makes two notes of two that are tied, puts grace notes at the piece's
    beginning, with no length, and takes instruments from MIDI channels, so that parts
    may share one; it also counts programs from 1, as MusicXML does and MIDI doesn't.
    Repeats are not played out.

    Args:
        path: a .mxl, .xml or .musicxml file.

    Raises:
        Exception: of whatever kind the file provokes in the parser.
    """
    document = musicxml_parser.MusicXMLDocument(path)
    if not document.parts:
        raise ValueError("it has no part: expected score-partwise")
    sequence = musicxml_reader.musicxml_to_sequence_proto(document)
    joined = NoteSequence()
    last: dict[tuple[int, int], Any] = {}  # by part and pitch
    for note, score_note in zip(sequence.notes, _score_notes(document), strict=True):
        if note.end_time <= note.start_time:
            continue
        voice = note.part, note.pitch
        before = last.get(voice)
        if (
            before is not None
            and any(tie.get("type") == "stop" for tie in score_note.findall("tie"))
            and abs(before.end_time - note.start_time) < SAME_TIME
        ):
            _append(before, note)
        else:
            last[voice] = joined.notes.add()
            last[voice].CopyFrom(note)
            last[voice].instrument = note.part
            last[voice].program = max(0, note.program - 1)
    for part in sequence.part_infos:
        sequence.instrument_infos.add(instrument=part.part, name=part.name)
    del sequence.notes[:]
    sequence.notes.extend(joined.notes)
    return sequence


def _score_notes(document: Any) -> Iterator[Any]:
    """The XML elements of a document's notes, as note_seq orders them."""
    for part in document.parts:
        for measure in part.measures:
            for note in measure.notes:
                if not note.is_rest:
                    yield note.xml_note


def _append(note: Any, tied: Any) -> None:
    """Makes `note` last until `tied` ends."""
    value = Fraction(note.numerator, note.denominator)
    value += Fraction(tied.numerator, tied.denominator)
    note.numerator, note.denominator = value.numerator, value.denominator
    note.end_time = tied.end_time
