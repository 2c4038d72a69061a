"""Music in and out of files: NoteSequence from MIDI and MusicXML, to MIDI, to PNG."""

from tfmusic.music.io import MUSIC_SUFFIXES, read_sequence, write_midi
from tfmusic.music.piano_roll import draw_piano_roll

__all__ = ["MUSIC_SUFFIXES", "draw_piano_roll", "read_sequence", "write_midi"]
