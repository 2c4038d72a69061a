"""Four voices on a grid of 16ths: from NoteSequence to array and back.

A grid is int32 `[steps, 4]`: the MIDI pitch that soprano, alto, tenor and bass sound
at each step, or -1 for a rest. This is the form of the standard JSB Chorales data; it
doesn't tell a held note from a repeated one.
"""

from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.tokenizers.beats import DEFAULT_QPM, STEPS_PER_QUARTER, TempoMap

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

VOICES = ("Soprano", "Alto", "Tenor", "Bass")
REST = -1

# A note that begins this late (in steps) still counts as sounding at the step's
# start: played notes are late by less, notated ones (64ths, triplets) by more.
ONSET_TOLERANCE = 0.2
VELOCITY = 80
CHOIR_PROGRAM = 52


def sequence_to_grid(sequence: "NoteSequence") -> np.ndarray:
    """Samples the notes that sound at the start of each 16th.

    Parts (else instruments) whose names are those of voices are these voices. Where
    two to four parts (else instruments) have music without chords, each is a voice,
    in their order. Otherwise the notes of each step are the voices, the highest first
    ("skyline"). Drums are left out.

    Args:
        sequence: notes in seconds, with tempo changes if there are any.

    Returns:
        int32 `[steps, 4]`, as long as the sequence's total time.

    Raises:
        UserError: more than four pitches sound at once.
    """
    return read_grid(sequence)[0]


def read_grid(sequence: "NoteSequence") -> tuple[np.ndarray, np.ndarray]:
    """The grid of `sequence_to_grid`, and where notes begin, which it doesn't tell.

    Returns:
        int32 `[steps, 4]`, and bool `[steps, 4]`, true where a note begins.

    Raises:
        UserError: more than four pitches sound at once.
    """
    notes = [note for note in sequence.notes if not note.is_drum]
    starts = to_steps(sequence, [note.start_time for note in notes])
    ends = to_steps(sequence, [note.end_time for note in notes])
    pitches = np.array([note.pitch for note in notes], np.int32)
    num_steps = max([*ends, *to_steps(sequence, [sequence.total_time])])

    sounding = np.flatnonzero(starts < ends)
    # The note that begins last takes over its voice.
    sounding = sounding[np.lexsort((pitches[sounding], starts[sounding]))]
    spans = [(starts[i], ends[i], pitches[i]) for i in sounding]
    voices = _voices(sequence, notes)
    if voices is not None:
        voices = [voices[i] for i in sounding]
        places = {(span[0], voice) for span, voice in zip(spans, voices, strict=True)}
        if len(places) == len(spans):
            grid = np.full([num_steps, len(VOICES)], REST, np.int32)
            onsets = np.zeros([num_steps, len(VOICES)], bool)
            for (start, end, pitch), voice in zip(spans, voices, strict=True):
                grid[start:end, voice] = pitch
                onsets[start, voice] = True
            return grid, onsets
    return _skyline(spans, num_steps)


def grid_to_sequence(
    grid: np.ndarray, qpm: float = DEFAULT_QPM, onsets: np.ndarray | None = None
) -> "NoteSequence":
    """Writes a grid as notes; equal neighbors of a voice become one note.

    Args:
        grid: int `[steps, 4]`, -1 for rests.
        qpm: tempo in quarters a minute.
        onsets: bool `[steps, 4]`, where a note begins even if its pitch goes on.

    Returns:
        A sequence with parts and instruments 0 to 3, soprano to bass, and with a total
        time that keeps the rests at the end.
    """
    from tfmusic.music.note_sequence import NoteSequence  # it takes a second

    grid = np.asarray(grid, np.int32).reshape(-1, len(VOICES))  # [steps, 4]
    seconds_per_step = 60.0 / qpm / STEPS_PER_QUARTER
    sequence = NoteSequence(
        ticks_per_quarter=220, total_time=len(grid) * seconds_per_step
    )
    sequence.tempos.add(qpm=qpm)
    notes = []
    for voice, name in enumerate(VOICES):
        sequence.part_infos.add(part=voice, name=name)
        sequence.instrument_infos.add(instrument=voice, name=name)
        pitches = grid[:, voice]
        is_new = pitches[1:] != pitches[:-1]
        if onsets is not None:
            is_new = is_new | onsets[1:, voice]
        changes = np.flatnonzero(is_new) + 1
        bounds = [0, *changes.tolist(), len(grid)] if len(grid) else []
        for start, end in zip(bounds[:-1], bounds[1:], strict=True):
            if pitches[start] != REST:
                notes.append((start, voice, end, int(pitches[start])))
    for start, voice, end, pitch in sorted(notes):
        sequence.notes.add(
            pitch=pitch,
            velocity=VELOCITY,
            start_time=start * seconds_per_step,
            end_time=end * seconds_per_step,
            instrument=voice,
            part=voice,
            program=CHOIR_PROGRAM,
        )
    return sequence


def to_steps(sequence: "NoteSequence", seconds: list[float]) -> np.ndarray:
    """The first step whose start is not before each time, by the tempo map."""
    quarters = TempoMap.of(sequence).to_quarters(seconds)
    return np.ceil(quarters * STEPS_PER_QUARTER - ONSET_TOLERANCE).astype(np.int64)


def _voices(sequence: "NoteSequence", notes: list) -> list[int] | None:
    """Each note's voice by part, else by instrument; None where neither tells.

    The names of voices tell, and else the order of two to four parts.
    """
    for field, infos in (
        ("part", sequence.part_infos),
        ("instrument", sequence.instrument_infos),
    ):
        numbers = {getattr(note, field) for note in notes}
        names = {getattr(info, field): info.name.strip().title() for info in infos}
        voices = [names.get(number) for number in numbers]
        if voices and len(set(voices)) == len(voices) and set(voices) <= set(VOICES):
            return [VOICES.index(names[getattr(note, field)]) for note in notes]
        drums = {getattr(note, field) for note in sequence.notes if note.is_drum}
        named = (numbers | {getattr(info, field) for info in infos}) - drums
        if len(named) == len(VOICES):  # one that rests throughout keeps its place
            numbers = named
        if 1 < len(numbers) <= len(VOICES):
            order = {number: voice for voice, number in enumerate(sorted(numbers))}
            return [order[getattr(note, field)] for note in notes]
    return None


def _skyline(
    spans: list[tuple[int, int, int]], num_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """The grid of notes `(start, end, pitch)`: the highest of a step is soprano."""
    rows: list[dict[int, bool]] = [{} for _ in range(num_steps)]  # pitch: begins
    for start, end, pitch in spans:
        for step in range(start, end):
            begins = step == start or rows[step].get(int(pitch), False)
            rows[step][int(pitch)] = begins
    grid = np.full([num_steps, len(VOICES)], REST, np.int32)
    onsets = np.zeros([num_steps, len(VOICES)], bool)
    for step, row in enumerate(rows):
        if len(row) > len(VOICES):
            raise UserError(
                f"{len(row)} pitches sound at once at quarter "
                f"{step / STEPS_PER_QUARTER:g}: choose music of at most four voices"
            )
        grid[step, : len(row)] = sorted(row, reverse=True)
        onsets[step, : len(row)] = [row[pitch] for pitch in sorted(row, reverse=True)]
    return grid, onsets
