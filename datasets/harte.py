"""Chords in Harte's notation as the chord symbols that note-seq knows.

Reference:
    Harte, Sandler, Abdallah and Gómez, "Symbolic Representation of Musical Chords: A
    Proposed Syntax for Text Annotations", ISMIR 2005.
"""

from __future__ import annotations

import re

NO_CHORD = "N.C."  # note-seq's name for it

LETTERS = "CDEFGAB"
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)  # semitones of the degrees 1 to 7

# Harte's shorthands, as note-seq writes them.
KINDS = {
    "maj": "",
    "min": "m",
    "aug": "aug",
    "dim": "dim",
    "7": "7",
    "maj7": "maj7",
    "min7": "m7",
    "minmaj7": "mmaj7",
    "dim7": "dim7",
    "hdim7": "m7b5",
    "maj6": "6",
    "min6": "m6",
    "9": "9",
    "maj9": "maj9",
    "min9": "m9",
    "11": "11",
    "maj11": "maj11",
    "min11": "m11",
    "13": "13",
    "maj13": "maj13",
    "min13": "m13",
    "sus2": "sus2",
    "sus4": "sus",
    "5": "5",
    "1": "ped",
}

_CHORD = re.compile(
    r"(?P<root>[A-G](?:#*|b*))"
    r"(?::(?P<kind>[a-z0-9]*)(?:\((?P<degrees>[^()]*)\))?)?"
    r"(?:/(?P<alteration>#*|b*)(?P<bass>\d+))?"
)
_DEGREE = re.compile(r"(?P<sign>[*#b]?)(?P<number>\d+)")


def pitch_class(name: str) -> int:
    """0 to 11, from C upwards, of a note's name such as F# or Bbb.

    Raises:
        ValueError: it is not a note's name.
    """
    if not re.fullmatch("[A-G](#*|b*)", name):
        raise ValueError(f"{name!r} is not the name of a note")
    natural = MAJOR_SCALE[LETTERS.index(name[0])]
    return (natural + name.count("#") - name.count("b")) % 12


def to_chord_symbol(chord: str) -> str | None:
    """The chord symbol for a chord in Harte's notation: F#maj7/C# for F#:maj7/5.

    Returns:
        The symbol; None for no chord (N), for an unknown one (X) and for one that
        note-seq has no name for.

    Raises:
        ValueError: it is not Harte's notation.
    """
    if chord in ("N", "X"):
        return None
    match = _CHORD.fullmatch(chord)
    if match is None:
        raise ValueError(f"{chord!r} is not a chord")
    kind = KINDS.get("maj" if match["kind"] is None else match["kind"])
    degrees = [_degree(text) for text in (match["degrees"] or "").split(",") if text]
    if kind is None or None in degrees:
        return None
    symbol = match["root"] + kind + "".join(degrees)
    if match["bass"] is None or int(match["bass"]) == 0:
        return symbol
    alteration = match["alteration"].count("#") - match["alteration"].count("b")
    bass = _note_above(match["root"], int(match["bass"]), alteration)
    return symbol if bass == match["root"] else f"{symbol}/{bass}"


def _degree(text: str) -> str | None:
    """A degree that a chord has as well, or, after an asterisk, lacks."""
    match = _DEGREE.fullmatch(text.strip())
    if match is None:
        return None
    sign, number = match["sign"], match["number"]
    if sign == "*":
        return f"(no{number})"
    if sign:
        return f"({sign}{number})"
    # To note-seq an added seventh is that of a dominant chord.
    return "(add#7)" if number == "7" else f"(add{number})"


def _note_above(root: str, degree: int, alteration: int) -> str:
    """The name of a degree of the major scale on `root`, altered by semitones."""
    steps = degree - 1
    letter = LETTERS[(LETTERS.index(root[0]) + steps) % 7]
    semitones = pitch_class(root) + MAJOR_SCALE[steps % 7] + alteration
    accidentals = (semitones - pitch_class(letter) + 6) % 12 - 6
    return letter + ("#" * accidentals if accidentals > 0 else "b" * -accidentals)
