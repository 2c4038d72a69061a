"""MusicXML through note_seq's parser, with what that leaves undone: ties."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from tfmusic.music.note_sequence import NoteSequence, musicxml_parser, musicxml_reader

SAME_TIME = 1e-6  # seconds


def read_musicxml(path: str) -> NoteSequence:
    """Reads a score: one note for tied notes, no grace notes.

    note_seq makes two notes of a note that is written as two with a tie, and puts
    grace notes, which have no length, at the piece's beginning. Repeats are not played
    out.

    Args:
        path: a .mxl, .xml or .musicxml file.

    Raises:
        Exception: of whatever kind the file provokes in the parser.
    """
    document = musicxml_parser.MusicXMLDocument(path)
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
