"""Music in and out of files: MIDI, MusicXML and ABC to NoteSequence, to MIDI, PNG."""

from tfmusic.music.io import MUSIC_SUFFIXES, parse_sequence, read_sequence, write_midi
from tfmusic.music.limits import Limits
from tfmusic.music.piano_roll import draw_piano_roll

__all__ = [
    "MUSIC_SUFFIXES",
    "Limits",
    "draw_piano_roll",
    "parse_sequence",
    "read_sequence",
    "write_midi",
]
