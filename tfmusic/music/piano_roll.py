"""Draws a NoteSequence as a picture: time to the right, pitch upwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfmusic.music.note_sequence import NoteSequence

PITCH_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
BLACK_KEYS = (1, 3, 6, 8, 10)
NAMED_KEYS = (0, 4, 7)  # C, E and G have a label
COLORS = ("#d1495b", "#edae49", "#00798c", "#30508f", "#7a5195", "#5c8001")
PRIME_COLOR = "#b8b8b8"
NOTE_HEIGHT = 0.8  # of a semitone


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch: 60 is C4."""
    return f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"


def draw_piano_roll(
    sequence: NoteSequence,
    path: str | os.PathLike,
    prime_seconds: float = 0.0,
    title: str | None = None,
) -> None:
    """Draws all notes, each voice in its color, those of the prime in gray.

    Voices are parts where the notes have several, else instruments. A note of the
    prime keeps its voice's color as its outline.

    Args:
        sequence: the music; times in seconds.
        path: the PNG to write.
        prime_seconds: notes that begin before this were given, not generated.
        title: a line above the picture.

    Raises:
        UserError: the place can't be written to.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = piano_roll_figure(sequence, prime_seconds, title)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=120)


def piano_roll_figure(
    sequence: NoteSequence, prime_seconds: float = 0.0, title: str | None = None
) -> Figure:
    """The picture of `draw_piano_roll`, in memory."""
    # Neither pyplot nor rcParams: whatever the caller draws stays as it is.
    from matplotlib.figure import Figure

    seconds = max([sequence.total_time, *(note.end_time for note in sequence.notes)])
    figure = Figure(figsize=(min(24, max(8, 0.4 * seconds)), 5), layout="constrained")
    axes = figure.add_subplot()
    draw_notes(axes, sequence, prime_seconds)
    if prime_seconds > 0:
        axes.axvline(prime_seconds, color="black", linestyle="--", label="end of prime")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set_xlim(0, max(seconds, 1e-3))
    axes.set_xlabel("time (seconds)")
    axes.set_ylabel("pitch")
    if title:
        axes.set_title(title)
    return figure


def draw_notes(axes: Axes, sequence: NoteSequence, prime_seconds: float = 0.0) -> None:
    """Draws a keyboard and the notes of all voices; see `draw_piano_roll`."""
    pitches = [note.pitch for note in sequence.notes] or [60]
    _draw_keyboard(axes, min(pitches) - 2, max(pitches) + 2)
    for index, (name, notes) in enumerate(voices_of(sequence).items()):
        _draw_voice(axes, notes, COLORS[index % len(COLORS)], name, prime_seconds)


def voices_of(sequence: NoteSequence) -> dict[str, list]:
    """The notes of each voice, by the voice's name."""
    by_part = len({note.part for note in sequence.notes}) > 1
    kind = "part" if by_part else "instrument"
    infos = sequence.part_infos if by_part else sequence.instrument_infos
    names = {getattr(info, kind): info.name for info in infos if info.name}
    notes: dict[int, list] = {}
    for note in sequence.notes:
        notes.setdefault(getattr(note, kind), []).append(note)
    voices: dict[str, list] = {}
    for number, its_notes in sorted(notes.items()):
        name = names.get(number, f"{kind} {number}")
        voices.setdefault(name, []).extend(its_notes)
    return voices


def _draw_keyboard(axes: Axes, lowest: int, highest: int) -> None:
    """Shades the rows of black keys and names some white ones."""
    for pitch in range(lowest, highest + 1):
        if pitch % 12 in BLACK_KEYS:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color="#f2f2f2", zorder=0)
    named = [p for p in range(lowest, highest + 1) if p % 12 in NAMED_KEYS]
    axes.set_yticks(named, [pitch_name(pitch) for pitch in named])
    axes.set_ylim(lowest - 0.5, highest + 0.5)


def _draw_voice(
    axes: Axes, notes: list, color: str, name: str, prime_seconds: float
) -> None:
    """One collection of rectangles for a voice."""
    from matplotlib.collections import PolyCollection

    start = np.array([note.start_time for note in notes])
    end = np.array([note.end_time for note in notes])
    low = np.array([note.pitch for note in notes]) - NOTE_HEIGHT / 2
    high = low + NOTE_HEIGHT
    corners = [(start, low), (start, high), (end, high), (end, low)]
    rectangles = np.array(corners).transpose(2, 0, 1)  # [notes, 4 corners, 2]
    given = start < prime_seconds
    axes.add_collection(
        PolyCollection(
            rectangles,
            facecolors=np.where(given, PRIME_COLOR, color),
            edgecolors=np.where(given, color, "white"),  # parts repeated notes
            linewidths=np.where(given, 1.0, 0.4),
            zorder=2,
        )
    )
    axes.plot([], [], color=color, linewidth=6, label=name)  # the legend's sample
