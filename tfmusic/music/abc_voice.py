"""A voice of an ABC tune: from what is written, symbol by symbol, to notes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from tfmusic.errors import UserError
from tfmusic.music.abc_fields import ACCIDENTALS, NATURAL_PITCHES, QUARTER, Key

MIDDLE_C = 60
HIGHEST_PITCH = 127
LONGEST = 256  # quarters that a note or rest may last: what is longer is a mistake
# The time of how many notes, of their plain length, a tuplet of so many takes.
_TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}


@dataclasses.dataclass(slots=True)
class Note:
    """A note that sounds from `start` to `end`, both in quarters."""

    pitch: int
    start: Fraction
    end: Fraction


@dataclasses.dataclass(frozen=True, slots=True)
class Symbol:
    """A note as it is written.

    Attributes:
        accidental: a key of `ACCIDENTALS`, or empty.
        letter: C to B, a capital.
        octave: 0 for that from middle C.
        length: in units.
        is_tied: to the next note of its pitch.
    """

    accidental: str
    letter: str
    octave: int
    length: Fraction
    is_tied: bool = False


class Voice:
    """Writes notes, one after the other.

    An accidental holds for its letter, in all octaves, to the end of the bar; over a
    bar line it holds for a tied note. Grace notes, ornaments and slurs make no
    difference and do not come here.

    Args:
        key: the key signature.
        unit: what a symbol's length counts, in wholes.
        meter: numerator and denominator, None where it is free.
        transposition: semitones from what is written to what sounds.

    Attributes:
        notes: what was written so far.
        time: where the next note begins, in quarters.
    """

    def __init__(
        self,
        key: Key,
        unit: Fraction,
        meter: tuple[int, int] | None,
        transposition: int = 0,
    ):
        self.key = key
        self.unit = unit
        self.meter = meter
        self.transposition = transposition
        self.notes: list[Note] = []
        self.time = Fraction(0)
        self._accidentals: dict[str, int] = {}
        self._tied: dict[tuple[str, int], Note] = {}
        self._last: list[tuple[tuple[str, int], Note]] = []
        self._last_duration = Fraction(0)
        self._next_factor = Fraction(1)
        self._tuplet_factor = Fraction(1)
        self._tuplet_left = 0

    def play(self, symbols: Sequence[Symbol], length: Fraction = Fraction(1)) -> None:
        """A note, or several at once; the first says when it goes on.

        Args:
            symbols: at least one.
            length: multiplies their lengths.

        Raises:
            UserError: a pitch or a length is out of range.
        """
        factor = self._take_factor() * length * self.unit / QUARTER
        tied, self._tied = self._tied, {}
        self._last = []
        for symbol in symbols:
            end = self.time + _checked(symbol.length * factor)
            place = symbol.letter, symbol.octave
            before = tied.pop(place, None)
            pitch = self._pitch(symbol, before)
            if before is not None and before.pitch == pitch:
                note = before
                note.end = end
            else:
                note = Note(pitch, self.time, end)
                self.notes.append(note)
            self._last.append((place, note))
            if symbol.is_tied:
                self._tied[place] = note
        self._advance(symbols[0].length * factor)

    def rest(self, length: Fraction) -> None:
        """Silence for `length` units.

        Raises:
            UserError: the length is out of range.
        """
        duration = _checked(length * self._take_factor() * self.unit / QUARTER)
        self._tied, self._last = {}, []
        self._advance(duration)

    def rest_bars(self, count: int) -> None:
        """Silence for so many bars.

        Raises:
            UserError: the length is out of range, or the meter free.
        """
        if self.meter is None:
            raise UserError("a rest of whole bars needs a meter")
        self._tied, self._last = {}, []
        self._advance(_checked(count * Fraction(*self.meter) / QUARTER))

    def tie(self) -> None:
        """The last note goes on in the next of its pitch."""
        self._tied.update(self._last)

    def bar(self) -> None:
        """A bar line."""
        self._accidentals.clear()

    def dot(self, mark: str) -> None:
        """Broken rhythm: `>` lengthens the last note and shortens the next.

        Raises:
            UserError: there is no last note.
        """
        if not self._last_duration:
            raise UserError(f"no note is before {mark!r}")
        short = Fraction(1, 2 ** min(len(mark), 5))
        longer = mark[0] == ">"
        change = self._last_duration * ((1 - short) if longer else (short - 1))
        for _, note in self._last:
            note.end += change
        self.time += change
        self._next_factor = short if longer else 2 - short

    def tuplet(self, p: int, q: int | None = None, r: int | None = None) -> None:
        """The next `r` notes, by default `p`, take p for the time of q.

        Raises:
            UserError: a number is zero.
        """
        if q is None:
            is_compound = self.meter is not None and self.meter[0] in (6, 9, 12)
            q = _TUPLETS.get(p, 3 if is_compound else 2)
        if not p or not q:
            raise UserError(f"no tuplet is {p}:{q}")
        self._tuplet_factor = Fraction(q, p)
        self._tuplet_left = p if r is None else r

    def _take_factor(self) -> Fraction:
        factor, self._next_factor = self._next_factor, Fraction(1)
        if self._tuplet_left:
            self._tuplet_left -= 1
            factor *= self._tuplet_factor
        return factor

    def _advance(self, duration: Fraction) -> None:
        self.time += duration
        self._last_duration = duration

    def _pitch(self, symbol: Symbol, tied: Note | None) -> int:
        if symbol.accidental:
            self._accidentals[symbol.letter] = ACCIDENTALS[symbol.accidental]
        elif tied is not None:
            return tied.pitch
        key = self.key.accidentals.get(symbol.letter, 0)
        pitch = MIDDLE_C + 12 * symbol.octave + NATURAL_PITCHES[symbol.letter]
        pitch += self._accidentals.get(symbol.letter, key) + self.transposition
        if not 0 <= pitch <= HIGHEST_PITCH:
            raise UserError(f"pitch {pitch} is not within 0 to {HIGHEST_PITCH}")
        return pitch


def _checked(quarters: Fraction) -> Fraction:
    if not 0 < quarters <= LONGEST:
        raise UserError(f"a note or rest of {quarters} quarters")
    return quarters
