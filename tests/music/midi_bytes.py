"""MIDI files, byte by byte."""

END = "00 FF2F00"


def chunk(name, data, length=None):
    """A chunk; its length may be stated wrongly."""
    length = len(data) if length is None else length
    return name.encode() + length.to_bytes(4, "big") + data


def track(events, length=None):
    """A track from its events, in hexadecimal digits."""
    return chunk("MTrk", bytes.fromhex(events), length)


def header(tracks, division="0060"):
    """The header; 96 ticks a quarter by default."""
    return chunk("MThd", bytes.fromhex(f"0001{tracks:04X}{division}"))


def midi_file(*tracks, division="0060"):
    """A file of tracks given as events, in hexadecimal digits."""
    return header(len(tracks), division) + b"".join(track(events) for events in tracks)


def notes(sequence):
    """Pitch, velocity, start and end in seconds, in the sequence's order."""
    return [
        (note.pitch, note.velocity, note.start_time, note.end_time)
        for note in sequence.notes
    ]
