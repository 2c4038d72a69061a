"""Which cells of a score are to be filled: empty voices, chosen voices, bars."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.tokenizers.grid import (
    DEFAULT_QPM,
    REST,
    STEPS_PER_QUARTER,
    VOICES,
    read_grid,
    to_steps,
)

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence


@dataclasses.dataclass(frozen=True)
class Score:
    """A piece on the grid of 16ths, as a user sees it.

    Attributes:
        grid: int32 `[steps, 4]`, pitches, -1 for rests.
        onsets: bool `[steps, 4]`, where notes begin.
        bars: int `[steps]`, the bar of each step, counted from 1.
        qpm: the tempo at the beginning, quarters a minute.
    """

    grid: np.ndarray
    onsets: np.ndarray
    bars: np.ndarray
    qpm: float


def read_score(sequence: "NoteSequence") -> Score:
    """Reads a score; see `sequence_to_grid` for how notes become voices.

    Raises:
        UserError: there is no music, or more than four pitches sound at once.
    """
    grid, onsets = read_grid(sequence)
    if (grid == REST).all():
        raise UserError("no music there to go by")
    qpm = min(sequence.tempos, key=lambda tempo: tempo.time, default=None)
    qpm = qpm.qpm if qpm else DEFAULT_QPM
    return Score(grid, onsets, bar_numbers(sequence, len(grid)), qpm)


def bar_numbers(sequence: "NoteSequence", num_steps: int) -> np.ndarray:
    """The bar of each step, by the time signatures; 4/4 where there are none.

    Bars are counted from 1, an upbeat that has a signature of its own as well. A
    signature begins a bar.

    Returns:
        int `[num_steps]`.
    """
    lengths = {0: 4 * STEPS_PER_QUARTER}  # by the step at which they begin to hold
    for signature in sorted(sequence.time_signatures, key=lambda each: each.time):
        (step,) = to_steps(sequence, [signature.time])
        length = signature.numerator * 4 * STEPS_PER_QUARTER // signature.denominator
        lengths[int(step)] = max(length, 1)
    begins = np.zeros(num_steps, bool)
    ends = [*list(lengths)[1:], num_steps]
    for (start, length), end in zip(lengths.items(), ends, strict=True):
        begins[start:end:length] = True
    return np.cumsum(begins)


def parse_voices(names: Sequence[str]) -> list[int]:
    """Voices, counted from soprano, 0.

    Args:
        names: such as `["alto", "Bass"]`.

    Raises:
        UserError: a name is no voice's.
    """
    known = [voice.lower() for voice in VOICES]
    for name in names:
        if name.strip().lower() not in known:
            raise UserError(
                f"no voice is named {name!r}: choose from {','.join(known)}"
            )
    return [known.index(name.strip().lower()) for name in names]


def parse_bars(ranges: Sequence[str]) -> list[int]:
    """Bars of ranges such as `["3-4", "7"]`, which is 3, 4 and 7.

    Raises:
        UserError: a range isn't one of numbers of 1 or more.
    """
    bars = []
    for text in ranges:
        first, dash, last = text.partition("-")
        last = last if dash else first
        if not (first.strip().isdecimal() and last.strip().isdecimal()) or not (
            1 <= int(first) <= int(last)
        ):
            raise UserError(f"bars {text!r}: write such as 3-4 or 7, counted from 1")
        bars += range(int(first), int(last) + 1)
    return bars


def find_gaps(
    score: Score, voices: Sequence[int] = (), bars: Sequence[int] = ()
) -> np.ndarray:
    """The cells to fill.

    Of what is chosen, all cells: these voices, these bars, or these voices in these
    bars. Else all cells of the voices that have no notes at all; else, of the bars in
    which no voice has any.

    Args:
        score: the music.
        voices: counted from soprano, 0.
        bars: counted from 1.

    Returns:
        bool `[steps, 4]`.

    Raises:
        UserError: the score has no such bar, nothing is empty, or nothing is left.
    """
    rests = score.grid == REST
    unknown = np.zeros_like(rests)
    if voices or bars:
        last = int(score.bars[-1])
        beyond = [bar for bar in bars if bar > last]
        if beyond:
            raise UserError(f"there is no bar {beyond[0]}: the last one is {last}")
        rows = np.isin(score.bars, bars) if bars else np.ones(len(rests), bool)
        columns = list(voices) or list(range(len(VOICES)))
        unknown[np.ix_(rows, columns)] = True
        return unknown
    unknown[:, rests.all(axis=0)] = True
    if not unknown.any():
        for bar in np.unique(score.bars):
            rows = score.bars == bar
            unknown[rows] = rests[rows].all()
    if not unknown.any():
        raise UserError(
            "every voice has notes and no bar is empty: choose what to fill by "
            "--infill_voices or --infill_bars"
        )
    return unknown
