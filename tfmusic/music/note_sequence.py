"""note_seq, imported without the warnings of the audio libraries it brings in.

note_seq imports an audio library that warns, at import, that no audio converter
is installed; nothing here converts audio. Import note_seq's names from this module
and users see no such line. It takes about two seconds: import it where it is used.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from note_seq import midi_io, musicxml_parser, musicxml_reader
    from note_seq.protobuf.music_pb2 import NoteSequence

__all__ = ["NoteSequence", "midi_io", "musicxml_parser", "musicxml_reader"]
