"""What a file really is that isn't what its name says, told by how it begins."""

from __future__ import annotations

import re

_ZIP = rb"PK\x03\x04"
_HEAD_BYTES = 4096

# Kinds that are met under the names of music files: a pattern of how they begin, what
# they are, and the suffixes under which they are right.
_KINDS = [
    (rb"MThd|RIFF.{4}RMID", "a MIDI file: name it .mid", (".mid", ".midi")),
    (
        _ZIP + rb".{0,400}META-INF/container\.xml",
        "a MusicXML file: name it .mxl",
        (".mxl", ".xml", ".musicxml"),
    ),
    (
        rb".{0,2000}<score-(partwise|timewise)",
        "a MusicXML file: name it .xml",
        (".mxl", ".xml", ".musicxml"),
    ),
    (rb"(\xef\xbb\xbf)?(%abc|X:\s*\d)", "an ABC tune: name it .abc", (".abc",)),
    (_ZIP, "a zip archive: unpack it", (".mxl",)),
    (rb"\x1f\x8b|Rar!|7z\xbc\xaf", "an archive: unpack it", ()),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "a picture", ()),
    (rb"%PDF", "a PDF", ()),
    (rb"RIFF.{4}WAVE|ID3|\xff[\xfb\xf3\xf2]|OggS|fLaC", "a recording", ()),
    (rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)", "a web page", ()),
    (rb"\0+$", "nothing but zeros", ()),
]


def mismatch(data: bytes, suffix: str) -> str:
    """A few words on what the data is, or an empty text.

    Args:
        data: a file's content.
        suffix: of its name, in lower case, with the dot.

    Returns:
        Empty where the data may be what the suffix says, or where its kind isn't known.
    """
    head = data[:_HEAD_BYTES]
    for pattern, kind, suffixes in _KINDS:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return "" if suffix in suffixes else kind
    return ""


def is_zip(data: bytes) -> bool:
    return data.startswith(b"PK\x03\x04")
