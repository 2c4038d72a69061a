"""Files that are small enough for tests, in a folder or a zip."""

import zipfile


def midi(*pitches, channel=0, velocity=64, name=""):
    """A MIDI file of quarters at 120 a minute, one after the other, on one track."""
    track = b""
    if name:
        track += b"\x00\xff\x03" + bytes([len(name)]) + name.encode()
    for pitch in pitches:
        track += bytes([0, 0x90 | channel, pitch, velocity])
        track += bytes([96, 0x80 | channel, pitch, 0])
    track += b"\x00\xff\x2f\x00"
    header = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 96])
    return header + b"MTrk" + len(track).to_bytes(4, "big") + track


def write_files(path, files):
    """Writes files by name, into a zip where `path` ends in .zip, else a folder."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return str(path)
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        data = data.encode() if isinstance(data, str) else data
        (path / name).write_bytes(data)
    return str(path)
