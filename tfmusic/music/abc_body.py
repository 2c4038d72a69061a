"""Reads the lines of an ABC tune: fields, and music between them.

Reference:
    [The ABC music standard 2.1](https://abcnotation.com/wiki/abc:standard:v2.1),
    section 4, "The tune body".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from tfmusic.errors import UserError
from tfmusic.music.abc_fields import (
    Key,
    default_unit,
    parse_key,
    parse_meter,
    parse_tempo,
    parse_transposition,
    parse_unit,
)
from tfmusic.music.abc_voice import Symbol, Voice

_LENGTH = r"(?:\d+(?:/+\d*)?|/+\d*)?"
_NOTE = rf"(\^\^|\^|__|_|=)?([A-Ga-g])([',]*)({_LENGTH})(\s*-)?"
_SYMBOLS = {
    "space": r"[\s`\\$*]+",
    "field": r"\[[A-Za-z]:[^\]]*\]",
    # With the number of an ending: "|1", "|[1", "[1".
    "bar": r"(?::*\|[|\]:]*|\[\|[|\]:]*|:{2,})(?:\[?\d[\d,.-]*)?|\[\d[\d,.-]*",
    "note": rf"(?:\^\^|\^|__|_|=)?[A-Ga-g][',]*{_LENGTH}",
    "chord": rf"\[[^\]]*\]{_LENGTH}",
    "rest": rf"[zx]{_LENGTH}",
    "bars": r"[ZX]\d{0,4}",
    "tie": r"-",
    "broken": r">+|<+",
    "tuplet": r"\(\d(?::\d{0,2}){0,2}",
    # What makes no difference to the notes: slurs, chord names and other text, grace
    # notes, ornaments, extra space, and an old sign for the end of a line.
    "ignored": rf'[()\]]|"[^"]*"|\{{[^}}]*\}}|![^!|]*!|\+\w+\+|[.~H-Wh-w!]|y{_LENGTH}',
}
_SYMBOL = re.compile("|".join(f"(?P<{k}>{v})" for k, v in _SYMBOLS.items()))
# A letter and a colon; "A:|" and "A::" are music.
FIELD = re.compile(r"([A-Za-z]):(?![|:])(.*)")


class Score:
    """The music of a tune, and what its fields say of it.

    Args:
        header: the tune's lines up to the `K:` field, with it.

    Attributes:
        voices: by their names, in order.
        tempos: `(quarter, quarters a minute)`.
        keys: `(quarter, key)`, of the first voice.
        meters: `(quarter, (numerator, denominator))`, of the first voice.

    Raises:
        UserError: a field of the header can't be read; the message says what.
    """

    def __init__(self, header: Iterable[str]):
        fields: dict[str, str] = {}
        voices = []
        for line in header:
            if match := FIELD.match(line):
                fields[match[1]] = match[2].strip()
                if match[1] == "V":
                    voices.append(match[2])
        self._meter = parse_meter(fields.get("M", "none"))
        self._unit = default_unit(self._meter)
        if "L" in fields:
            self._unit = parse_unit(fields["L"])
        self._key_text = fields.get("K", "none")
        self._key = parse_key(self._key_text) or Key({})
        self.voices: dict[str, Voice] = {}
        self._voice: Voice | None = None  # the one that is being read
        for text in voices:
            self._choose_voice(text)
        if voices:
            self._voice = next(iter(self.voices.values()))
        zero = Fraction(0)
        self.meters = [] if self._meter is None else [(zero, self._meter)]
        self.keys = [] if self._key.tonic is None else [(zero, self._key)]
        qpm = parse_tempo(fields["Q"], self._unit) if "Q" in fields else None
        self.tempos = [] if qpm is None else [(zero, qpm)]

    def read(self, line: str) -> None:
        """Reads a line of the tune's body.

        Raises:
            UserError: something in it can't be read; the message says what.
        """
        if match := FIELD.match(line):
            self._read_field(match[1], match[2])
        elif not line.startswith("+:"):  # a field that goes on
            self._read_music(line)

    def _choose_voice(self, text: str) -> None:
        name, _, rest = text.strip().partition(" ")
        if name not in self.voices:
            transposition = parse_transposition(f"{self._key_text} {rest}")
            self.voices[name] = Voice(self._key, self._unit, self._meter, transposition)
        self._voice = self.voices[name]

    def _current(self) -> Voice:
        if self._voice is None:
            self._choose_voice("")
        return self._voice

    def _read_field(self, name: str, text: str) -> None:
        """A field among the music."""
        if name == "V":
            self._choose_voice(text)
            return
        if name not in "KLMQ":
            return
        voice = self._current()
        is_first = voice is next(iter(self.voices.values()))
        if name == "K":
            key = parse_key(text)
            if key is not None:
                voice.key = key
                voice.bar()
                if is_first and key.tonic is not None:
                    self.keys.append((voice.time, key))
        elif name == "L":
            voice.unit = parse_unit(text)
        elif name == "M":
            voice.meter = parse_meter(text)
            if is_first and voice.meter is not None:
                self.meters.append((voice.time, voice.meter))
        elif qpm := parse_tempo(text, voice.unit):
            self.tempos.append((voice.time, qpm))

    def _read_music(self, line: str) -> None:
        place = 0
        while place < len(line):
            match = _SYMBOL.match(line, place)
            if match is None:
                raise UserError(_refusal(line, place))
            self._read_symbol(match.lastgroup, match[0])
            place = match.end()

    def _read_symbol(self, kind: str, text: str) -> None:
        if kind in ("space", "ignored"):
            return
        if kind == "field":
            self._read_field(text[1], text[3:-1])
            return
        voice = self._current()
        if kind == "note":
            voice.play(_notes(text))
        elif kind == "rest":
            voice.rest(_length(text[1:]))
        elif kind == "bar":
            voice.bar()
        elif kind == "chord":
            inside, _, length = text[1:].partition("]")
            inside = re.sub(r'"[^"]*"|![^!]*!|\{[^}]*\}', "", inside)
            if notes := _notes(inside):
                voice.play(notes, _length(length))
        elif kind == "tie":
            voice.tie()
        elif kind == "broken":
            voice.dot(text)
        elif kind == "tuplet":
            numbers = [int(n) if n else None for n in text[1:].split(":")]
            voice.tuplet(*numbers)
        else:
            voice.rest_bars(int(text[1:] or 1))


def _notes(text: str) -> list[Symbol]:
    """The notes of a text, one or a chord."""
    return [
        Symbol(
            accidental,
            letter.upper(),
            letter.islower() + octave.count("'") - octave.count(","),
            _length(length),
            bool(tie),
        )
        for accidental, letter, octave, length, tie in re.findall(_NOTE, text)
    ]


def _length(text: str) -> Fraction:
    """A length in units: `3`, `3/2`, `/4`, `//` for a fourth; empty for 1."""
    if len(text) > 9:
        raise UserError(f"no length of a note is {text!r}")
    numerator, slashes, denominator = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()
    below = int(denominator) if denominator else 2 ** len(slashes)
    if not below:
        raise UserError(f"no length of a note is {text!r}")
    return Fraction(int(numerator or 1), below)


def _refusal(line: str, place: int) -> str:
    where = f"in {line[:60]!r}"
    if digits := re.match(r"\d+", line[place:]):
        return f"a length without a note, {digits[0]}, {where}"
    if line[place] == "&":
        return f"voices written over one another by & are not read, {where}"
    return f"no music is meant by {line[place]!r} {where}"
