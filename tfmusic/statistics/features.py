"""Features of a piece, as numbers or histograms."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.music.note_arrays import NoteArrays, note_arrays
from tfmusic.music.piano_roll import PITCH_NAMES
from tfmusic.statistics.meter import count_bars
from tfmusic.statistics.order import CLASS_SECONDS, in_order, seconds_class
from tfmusic.statistics.repetition import LAG_EDGES, repetition_lags

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

MOST_SOUNDING = 12  # notes at a time; this many and more are one class
WIDEST = 12  # semitones; this many and more are one class


@dataclasses.dataclass(frozen=True)
class Feature:
    """What is measured of each piece.

    Attributes:
        name: in reports.
        unit: of a number, or of a histogram's classes.
        classes: names of a histogram's classes; () of a number.
    """

    name: str
    unit: str
    classes: tuple[str, ...] = ()

    @property
    def is_histogram(self) -> bool:
        return bool(self.classes)


_LENGTHS = tuple(f"{seconds:.2g}" for seconds in CLASS_SECONDS)
_SOUNDING = (*map(str, range(MOST_SOUNDING)), f"{MOST_SOUNDING}+")
_INTERVALS = (
    f"-{WIDEST}-",
    *(f"{interval:+d}" for interval in range(1 - WIDEST, WIDEST)),
    f"+{WIDEST}+",
)
_LAGS = ("new", *(f"<{edge:g}" for edge in LAG_EDGES), f"{LAG_EDGES[-1]:g}+")

FEATURES = (
    Feature("pitch_classes", "pitch class", PITCH_NAMES),
    Feature("pitch_range", "semitones"),
    Feature("pitch_intervals", "semitones", _INTERVALS),
    Feature("notes_per_second", "notes/s"),
    Feature("notes_per_bar", "notes/bar"),
    Feature("mean_polyphony", "notes"),
    Feature("polyphony", "notes at a time", _SOUNDING),
    Feature("mean_note_length", "seconds"),
    Feature("note_lengths", "seconds", _LENGTHS),
    Feature("inter_onset_intervals", "seconds", _LENGTHS),
    Feature("repetition", "share of runs"),
    Feature("repetition_lags", "seconds ago", _LAGS),
)


def sequence_features(sequence: NoteSequence) -> dict[str, np.ndarray]:
    """The features of a piece; see `note_features`."""
    notes = note_arrays(sequence)
    bars = None
    if len(notes):
        bars = count_bars(sequence, float(notes.start.min()), float(notes.end.max()))
    return note_features(notes, bars)


def note_features(
    notes: NoteArrays, num_bars: float | None = None
) -> dict[str, np.ndarray]:
    """The features of a piece.

    A piece lasts from its first onset to its last note's end. Features of pitch leave
    drums out. Histograms are shares: of notes (pitch_classes, note_lengths), of notes
    and the next ones by onset (inter_onset_intervals) or in the order of `in_order`,
    which reads chords upwards (pitch_intervals), of time (polyphony, silence as 0) or
    of runs of eight notes (repetition_lags, see `repetition.repeats`).

    Args:
        notes: all of the piece.
        num_bars: how many it has, if that is known.

    Returns:
        float64 `[1]`, or `[classes]`, for each name of `FEATURES`; NaN where the piece
        is too short or has no such notes.
    """
    notes = dataclasses.replace(notes, end=np.maximum(notes.start, notes.end))
    values = {f.name: np.full(max(1, len(f.classes)), np.nan) for f in FEATURES}
    pitches = in_order(notes.take(~notes.is_drum))[0].pitch
    if len(pitches):
        values["pitch_classes"] = _shares(pitches % 12, 12)
        values["pitch_range"] = np.array([float(np.ptp(pitches))])
    if len(pitches) > 1:
        interval = np.clip(np.diff(pitches), -WIDEST, WIDEST) + WIDEST
        values["pitch_intervals"] = _shares(interval, 2 * WIDEST + 1)
    if len(notes):
        length = notes.end - notes.start
        values["mean_note_length"] = np.array([length.mean()])
        values["note_lengths"] = _shares(seconds_class(length), len(CLASS_SECONDS))
        lags = repetition_lags(notes)
        values["repetition_lags"] = lags
        values["repetition"] = 1 - lags[:1]
    if len(notes) > 1:
        interval = np.diff(np.sort(notes.start))
        values["inter_onset_intervals"] = _shares(
            seconds_class(interval), len(CLASS_SECONDS)
        )
    seconds = np.ptp([notes.start.min(), notes.end.max()]) if len(notes) else 0.0
    if seconds > 0:
        values["notes_per_second"] = np.array([len(notes) / seconds])
        values["mean_polyphony"] = np.array([length.sum() / seconds])
        values["polyphony"] = polyphony(notes)
    if num_bars:
        values["notes_per_bar"] = np.array([len(notes) / num_bars])
    return values


def polyphony(notes: NoteArrays) -> np.ndarray:
    """The share of time in which so many notes sound.

    Args:
        notes: that last some time together, none of which ends before it begins.

    Returns:
        float64 `[MOST_SOUNDING + 1]` of sum 1, silence first, `MOST_SOUNDING` notes
        and more last.
    """
    times = np.concatenate([notes.start, notes.end])
    change = np.repeat([1, -1], len(notes))
    order = np.argsort(times, kind="stable")
    sounding = np.cumsum(change[order])[:-1]
    lasting = np.diff(times[order])
    shares = np.bincount(
        np.minimum(sounding, MOST_SOUNDING), lasting, minlength=MOST_SOUNDING + 1
    )
    return shares / lasting.sum()


def _shares(index: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(index, minlength=size) / len(index)
