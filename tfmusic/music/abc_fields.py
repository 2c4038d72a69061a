"""The fields of an ABC tune that decide how its notes sound: key, meter, length, tempo.

Reference:
    [The ABC music standard 2.1](https://abcnotation.com/wiki/abc:standard:v2.1),
    section 3, "Information fields".
"""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction

from tfmusic.errors import UserError

NATURAL_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
QUARTER = Fraction(1, 4)

_FIFTHS = {letter: index - 1 for index, letter in enumerate("FCGDAEB")}
# Fifths that a mode's signature lies from the major key's, and NoteSequence's name.
_MODES = {
    "": (0, "MAJOR"),
    "maj": (0, "MAJOR"),
    "ion": (0, "MAJOR"),
    "m": (-3, "MINOR"),
    "min": (-3, "MINOR"),
    "aeo": (-3, "MINOR"),
    "lyd": (1, "LYDIAN"),
    "mix": (-1, "MIXOLYDIAN"),
    "dor": (-2, "DORIAN"),
    "phr": (-4, "PHRYGIAN"),
    "loc": (-5, "LOCRIAN"),
}
_KEY = re.compile(
    r"([A-G])([#b]?)\s*((?i:maj|min|ion|aeo|lyd|mix|dor|phr|loc)(?i:[a-z]*)|m)?(?=\s|$)"
)
_KEY_ACCIDENTAL = re.compile(r"(\^\^|\^|__|_|=)([A-Ga-g])")
_BAGPIPE = re.compile(r"(HP|Hp)(?=\s|$)")  # A mixolydian, whatever is printed
_NO_KEY = re.compile(r"(none)?(?=\s|$)", re.IGNORECASE)
_PARAMETER = re.compile(r"\w+=|(treble|alto|tenor|bass|perc)\b")
_CLEF_OCTAVE = re.compile(r"(?:treble|alto|tenor|bass|[GCF])[1-5]?([+-])8(?=\s|$)")
_NUMBER_PARAMETER = re.compile(r"\b(octave|transpose)=([+-]?\d{1,2})(?=\s|$)")
_FRACTION = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})")


@dataclasses.dataclass(frozen=True)
class Key:
    """A key signature.

    Attributes:
        accidentals: semitones by letter, such as `{"F": 1}`.
        tonic: its pitch class, 0 for C; None where no key is named.
        mode: the name of a `NoteSequence.KeySignature.Mode`.
    """

    accidentals: dict[str, int]
    tonic: int | None = None
    mode: str = "NOT_SPECIFIED"


def parse_key(text: str) -> Key | None:
    """The value of a `K:` field, such as `Bb`, `F#m`, `D dorian` or `D exp _b ^f`.

    Returns:
        The key; None if the field is about something else, such as a clef.

    Raises:
        UserError: there is no such key.
    """
    text = text.strip()
    if match := _KEY.match(text):
        letter, accidental, mode = match.groups()
        distance, mode = _MODES[(mode or "")[:3].lower()]
        sign = {"": 0, "#": 1, "b": -1}[accidental]
        fifths = _FIFTHS[letter] + 7 * sign + distance
        tonic = (NATURAL_PITCHES[letter] + sign) % 12
    elif match := _BAGPIPE.match(text):
        fifths, tonic, mode = 2, 9, "MIXOLYDIAN"
    elif match := _NO_KEY.match(text):
        fifths, tonic, mode = 0, None, "NOT_SPECIFIED"
    elif _PARAMETER.match(text):
        return None
    else:
        raise UserError(f"no key is named {text!r}")
    words = text[match.end() :].split()
    if abs(fifths) > 7:
        raise UserError(f"no key is named {text!r}")
    accidentals = _signature(0 if "exp" in words else fifths)
    for word in words:
        if re.fullmatch(f"(?:{_KEY_ACCIDENTAL.pattern})+", word):
            for sign, letter in _KEY_ACCIDENTAL.findall(word):
                accidentals[letter.upper()] = ACCIDENTALS[sign]
    return Key(accidentals, tonic, mode)


def _signature(fifths: int) -> dict[str, int]:
    order = "FCGDAEB" if fifths > 0 else "BEADGCF"
    return dict.fromkeys(order[: abs(fifths)], 1 if fifths > 0 else -1)


def parse_transposition(text: str) -> int:
    """The semitones that a `K:` or `V:` field says notes sound higher than written."""
    semitones = sum(12 if sign == "+" else -12 for sign in _CLEF_OCTAVE.findall(text))
    for name, number in _NUMBER_PARAMETER.findall(text):
        semitones += int(number) * (12 if name == "octave" else 1)
    return semitones


def parse_meter(text: str) -> tuple[int, int] | None:
    """The value of an `M:` field, such as `6/8`, `C|` or `(2+3)/8`.

    Returns:
        Numerator and denominator; None where the meter is free.

    Raises:
        UserError: it has a zero.
    """
    text = text.strip()
    if text in ("C", "C|"):
        return (4, 4) if text == "C" else (2, 2)
    match = re.search(r"(\d[\d+ ]{0,20})\)?\s*/\s*(\d{1,4})", text)
    if match is None:
        return None
    numerator = sum(int(n[:4]) for n in re.findall(r"\d+", match[1]))
    denominator = int(match[2])
    if not numerator or not denominator:
        raise UserError(f"no meter is {text!r}")
    return numerator, denominator


def parse_unit(text: str) -> Fraction:
    """The value of an `L:` field, such as `1/8`: what a bare letter lasts, in wholes.

    Raises:
        UserError: it is no length.
    """
    match = re.match(r"(\d{1,4})\s*(?:/\s*(\d{1,4}))?\s*$", text.strip())
    if match is None or not int(match[1]) or not int(match[2] or 1):
        raise UserError(f"no length of a note is {text.strip()!r}")
    return Fraction(int(match[1]), int(match[2] or 1))


def default_unit(meter: tuple[int, int] | None) -> Fraction:
    """What a bare letter lasts without an `L:` field, in wholes."""
    if meter is not None and Fraction(*meter) < Fraction(3, 4):
        return Fraction(1, 16)
    return Fraction(1, 8)


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """The value of a `Q:` field, such as `1/4=120`, `3/8=60 "Lively"` or `120`.

    Args:
        text: the value.
        unit: what the old form, without a length, counts; in wholes.

    Returns:
        Quarters a minute; None if the field gives words alone.

    Raises:
        UserError: it is no tempo.
    """
    plain = re.sub(r'"[^"]*"', " ", text).strip()
    if not plain:
        return None
    beats, equals, number = plain.rpartition("=")
    match = re.fullmatch(r"\s*(\d{1,4}(?:\.\d{0,4})?)\s*", number)
    if match is None or not float(match[1]):
        raise UserError(f"no tempo is {plain!r}")
    if lengths := _FRACTION.findall(beats):
        if not all(int(n) and int(d) for n, d in lengths):
            raise UserError(f"no tempo is {plain!r}")
        unit = sum((Fraction(int(n), int(d)) for n, d in lengths), Fraction(0))
    elif count := re.fullmatch(r"\s*[A-Ga-g](\d{1,2})\s*", beats):
        unit *= max(1, int(count[1]))  # C3=40, an old form
    return float(unit / QUARTER) * float(match[1])
