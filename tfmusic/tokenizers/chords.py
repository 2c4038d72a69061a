"""Chords of 12 roots and five qualities: their symbols, and hearing them in notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.tokenizers.events import spread

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

NO_CHORD = 0  # chord = 1 + root * 5 + quality, the root from C
NUM_CHORDS = 61
QUALITIES = ("major", "minor", "diminished", "augmented", "dominant")
ROOTS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SUFFIXES = ("", "m", "dim", "aug", "7")
NO_CHORD_SYMBOL = "N.C."

# What a pitch class above the root counts for: the tones a chord must have, those that
# speak for it, and those that speak against it, once or twice.
REQUIRED = ((0, 4), (0, 3), (0, 3, 6), (0, 4, 8), (0, 4, 7, 10))
FOR = ((7,), (7,), (9,), (), ())
AGAINST = ((2, 5, 9), (2, 5, 8), (2, 5, 10), (2, 5, 9), (2, 5, 9))
STRONGLY_AGAINST = (
    (1, 3, 6, 8, 10),
    (1, 4, 6, 9, 11),
    (1, 4, 7, 8, 11),
    (1, 3, 6, 7, 10),
    (1, 3, 6, 8, 11),
)
ROOT_IN_BASS = 0.5
NO_CHORD_SCORE = -2.0  # of a beat that no chord explains better
AUDIBLE = 1 / 8  # part of the time that a pitch class sounds at least, to count

_SYMBOL = re.compile(r"([A-G])([#b]*):?([^/]*)")
# The first that a symbol's quality begins with tells; any other is read as major.
_SPELLINGS = (
    ("hdim", 2),
    ("dim", 2),
    ("o", 2),
    ("m7b5", 2),
    ("min7b5", 2),
    ("aug", 3),
    ("+", 3),
    ("maj", 0),
    ("min", 1),
    ("m", 1),
    ("-", 1),
    ("7", 4),
    ("9", 4),
    ("11", 4),
    ("13", 4),
    ("dom", 4),
)


def parse_chord(symbol: str) -> int:
    """The chord of a symbol as lead sheets ("Ebm7") or Harte ("Eb:min7/b3") spell it.

    Sixths, sevenths and suspensions are left out but for the dominant's seventh; what
    can't be read is no chord.
    """
    match = _SYMBOL.fullmatch(symbol.strip().replace("(", "").replace(")", ""))
    match = match or _SYMBOL.match(symbol.strip())
    if match is None:
        return NO_CHORD
    letter, accidentals, quality = match.groups()
    root = ROOTS.index(letter) + accidentals.count("#") - accidentals.count("b")
    found = [kind for start, kind in _SPELLINGS if quality.startswith(start)]
    return 1 + root % 12 * len(QUALITIES) + (found[0] if found else 0)


def chord_symbol(chord: int) -> str:
    """The symbol of a chord, as a lead sheet spells it."""
    if chord == NO_CHORD:
        return NO_CHORD_SYMBOL
    root, quality = divmod(chord - 1, len(QUALITIES))
    return ROOTS[root] + SUFFIXES[quality]


def transposed_chords(semitones: int) -> np.ndarray:
    """int64 `[NUM_CHORDS]`: what each chord becomes; no chord stays none."""
    chords = np.arange(NUM_CHORDS)
    moved = 1 + (chords - 1 + len(QUALITIES) * semitones) % (NUM_CHORDS - 1)
    return np.where(chords == NO_CHORD, NO_CHORD, moved)


def annotated_chords(sequence: NoteSequence) -> tuple[np.ndarray, np.ndarray]:
    """The chord symbols of a sequence: float64 seconds `[A]` and int64 chords `[A]`."""
    symbols = [
        annotation
        for annotation in sequence.text_annotations
        if annotation.annotation_type == annotation.CHORD_SYMBOL
    ]
    seconds = np.array([symbol.time for symbol in symbols], np.float64)
    return seconds, np.array([parse_chord(x.text) for x in symbols], np.int64)


def hear_chords(
    pitches: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    beats: np.ndarray,
    bar_of_beat: np.ndarray,
) -> np.ndarray:
    """The chord of each beat.

    A bar has one chord, or one for each half, or one for each beat: whichever explains
    its beats best in sum, and the longest where that is equal.

    Args:
        pitches, starts, ends: int `[N]`, the notes; in steps.
        beats: int `[K + 1]`, where beats begin, in steps, and where the last ends.
        bar_of_beat: int `[K]`, in order from 0.

    Returns:
        int64 `[K]`.

    Reference:
        [Huang and Yang, 2020](https://arxiv.org/abs/2002.00212), section 4.4: its
        scores, and a simpler search for the bounds than theirs.
    """
    sounding, bass = _sounding(pitches, starts, ends, beats)
    count = np.bincount(bar_of_beat)[bar_of_beat]  # [K], beats in its bar
    first = np.searchsorted(bar_of_beat, bar_of_beat)
    second_half = np.arange(len(bar_of_beat)) - first >= count / 2
    half = 2 * bar_of_beat + (second_half & (count % 2 == 0))
    each = np.arange(len(bar_of_beat))

    chords, scores = _best(sounding, bass, np.diff(beats), each)
    for groups in (half, bar_of_beat):
        together, score = _best(sounding, bass, np.diff(beats), groups)
        groups = np.unique(groups, return_inverse=True)[1]
        apart = np.bincount(groups, scores) > np.bincount(groups, score)
        chords = np.where(apart[groups], chords, together)
        scores = np.where(apart[groups], scores, score)
    return chords


def _sounding(pitches, starts, ends, beats):
    """How long each pitch class sounds in each beat `[K, 12]`, and the bass `[K]`."""
    num_beats = len(beats) - 1
    first = np.searchsorted(beats, starts, side="right") - 1
    last = np.minimum(np.searchsorted(beats, ends, side="left"), num_beats)
    length = np.maximum(last - first, 0)
    note, within = spread(length)
    beat = first[note] + within
    heard = np.minimum(ends[note], beats[beat + 1])
    heard = heard - np.maximum(starts[note], beats[beat])
    sounding = np.zeros([num_beats, 12])
    np.add.at(sounding, (beat, pitches[note] % 12), heard)
    bass = np.full(num_beats, 128)
    np.minimum.at(bass, beat, pitches[note])
    return sounding, bass


def _best(sounding, bass, lengths, groups):
    """For each beat the chord of its group, and the chord's score: `[K]` each.

    Of chords that score alike, it is the one whose root is the next above the bass: a
    rule that is the same in every key.
    """
    bounds = np.flatnonzero(np.diff(groups, prepend=-1))
    total = np.add.reduceat(sounding, bounds)  # [G, 12]
    bass = np.minimum.reduceat(bass, bounds)
    present = total >= AUDIBLE * np.add.reduceat(lengths, bounds)[:, np.newaxis]
    scores = present @ _POINTS  # [G, 60]
    lacking = ~present @ _REQUIRED > 0
    roots = np.arange(NUM_CHORDS - 1) // len(QUALITIES)
    above_bass = (roots - bass[:, np.newaxis]) % 12  # [G, 60]
    scores = scores + ROOT_IN_BASS * (above_bass == 0)
    scores[lacking] = -np.inf
    order = np.argsort(above_bass, axis=1, kind="stable")
    scores = np.take_along_axis(scores, order, axis=1)
    place = scores.argmax(axis=1)[:, np.newaxis]
    chords = 1 + np.take_along_axis(order, place, axis=1)[:, 0]
    scores = scores.max(axis=1)
    chords = np.where(scores > NO_CHORD_SCORE, chords, NO_CHORD)
    scores = np.maximum(scores, NO_CHORD_SCORE)
    group = np.repeat(np.arange(len(bounds)), np.diff([*bounds, len(groups)]))
    return chords[group], scores[group]


def _tables() -> tuple[np.ndarray, np.ndarray]:
    """What each pitch class counts for, and is required by, each chord: `[12, 60]`."""
    points = np.zeros([12, NUM_CHORDS - 1])
    required = np.zeros([12, NUM_CHORDS - 1])
    for chord in range(NUM_CHORDS - 1):
        root, quality = divmod(chord, len(QUALITIES))
        for table, value, intervals in (
            (required, 1, REQUIRED),
            (points, 1, FOR),
            (points, -1, AGAINST),
            (points, -2, STRONGLY_AGAINST),
        ):
            table[(root + np.array(intervals[quality], int)) % 12, chord] = value
    return points, required


_POINTS, _REQUIRED = _tables()
