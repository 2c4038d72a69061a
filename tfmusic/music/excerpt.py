"""The beginning of a piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

EVENTS = (  # with a time each
    "control_changes",
    "key_signatures",
    "pitch_bends",
    "tempos",
    "text_annotations",
    "time_signatures",
)


def first_seconds(sequence: NoteSequence, seconds: float) -> NoteSequence:
    """A copy of what is heard in the first seconds; notes end there at the latest.

    Args:
        sequence: the music; times in seconds.
        seconds: the length, more than 0; a shorter piece stays as long as it is.
    """
    excerpt = type(sequence)()
    excerpt.CopyFrom(sequence)
    excerpt.total_time = min(sequence.total_time, seconds)
    del excerpt.notes[:]
    for note in sequence.notes:
        if note.start_time < seconds:
            excerpt.notes.add().CopyFrom(note)
            excerpt.notes[-1].end_time = min(note.end_time, seconds)
    for name in EVENTS:
        kept = [event for event in getattr(excerpt, name) if event.time < seconds]
        excerpt.ClearField(name)
        getattr(excerpt, name).extend(kept)
    return excerpt
