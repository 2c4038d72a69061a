"""Bars, positions, tempos, chords and notes: REMI."""

from typing import TYPE_CHECKING

import numpy as np

from tfmusic.music.note_arrays import NoteArrays, add_notes, note_arrays
from tfmusic.tokenizers.beats import (
    LONGEST_BAR,
    STEPS_PER_QUARTER,
    TempoMap,
    add_bars,
    bar_bounds,
    beats_of_bars,
    nearest_steps,
    separate_repeats,
)
from tfmusic.tokenizers.chords import (
    NUM_CHORDS,
    annotated_chords,
    chord_symbol,
    hear_chords,
    transposed_chords,
)
from tfmusic.tokenizers.events import NO_EVENT, Events, ahead, last_place, lay_out
from tfmusic.tokenizers.remi_grammar import remi_grammar
from tfmusic.tokenizers.tokenizer import Tokenizer, register_tokenizer
from tfmusic.tokenizers.velocities import from_velocity_bins, to_velocity_bins
from tfmusic.tokenizers.vocabulary import EventRange, Vocabulary

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

MIN_QPM, MAX_QPM = 30, 209
QPM_PER_CLASS = 60
LONGEST_NOTE = 64  # 32nds
THIRTY_SECONDS = 2  # in a step
VELOCITY_BINS = 32


@register_tokenizer
class RemiTokenizer(Tokenizer):
    """Writes each bar as positions on its grid of 16ths, and what happens at them.

    At a position come the tempo where it changes, as a class (low, middle, high) and a
    value within it; then the chord where it changes; then the notes from the lowest,
    each as pitch, velocity and duration:

        BAR(16) POSITION(1) TEMPO_CLASS(1) TEMPO_VALUE(30) PITCH(60) VELOCITY(20)
        DURATION(8) POSITION(5) ...

    The paper's music is in 4/4. Here BAR tells the bar's length in 16ths (12 for 3/4
    and for 6/8), so any meter can be written and no other token is needed.

    What is lost: onsets go to the nearest 16th and durations to the nearest of 1 to 64
    32nds, a tempo is a beat's mean in whole quarters a minute between 30 and 209, a
    velocity is one of 32, all instruments become one. Of notes of one pitch at one
    position the longest stays, and it ends where its pitch is struck again.

    Chords are the CHORD_SYMBOL annotations of the sequence if its bars have any, else
    they are heard in the notes. Transposition takes them along, their roots going round
    in twelve.

    Args:
        chords: whether there are chords.
        drums: whether drums are kept, as pitches of their own that transposition
            leaves alone.

    Reference:
        [Huang and Yang, 2020](https://arxiv.org/abs/2002.00212), section 4.
    """

    name = "remi"
    pitched_ranges = ("PITCH",)
    velocity_range = "VELOCITY"

    def __init__(self, chords: bool = False, drums: bool = False):
        self.chords = chords
        self.drums = drums
        self.options = {"chords": chords, "drums": drums}
        ranges = [
            EventRange("BAR", 1, LONGEST_BAR),  # 16ths
            EventRange("POSITION", 1, LONGEST_BAR),  # the downbeat is 1
            EventRange("TEMPO_CLASS", 0, 2),  # from 30, 90 and 150
            EventRange("TEMPO_VALUE", 0, QPM_PER_CLASS - 1),
            EventRange("CHORD", 0, NUM_CHORDS - 1),
            EventRange("PITCH", 0, 127),
            EventRange("DRUM", 0, 127),
            EventRange("VELOCITY", 1, VELOCITY_BINS),
            EventRange("DURATION", 1, LONGEST_NOTE),  # 32nds
        ]
        wanted = {"CHORD": chords, "DRUM": drums}
        self.vocabulary = Vocabulary([x for x in ranges if wanted.get(x.name, True)])
        self.grammar = remi_grammar(self.vocabulary)
        self.features = {
            "beat": 1 + LONGEST_BAR,  # 0 until the bar's first
            "pitch": 2 + 127 + 1,  # 0 for what has none; 1 stays unused
        }

    def encode(self, sequence: "NoteSequence") -> np.ndarray:
        """The ids of a piece, up to the bar of its last onset.

        Returns:
            int32 `[T]`; nothing where there are no notes.
        """
        notes = note_arrays(sequence)
        if not self.drums:
            notes = notes.take(~notes.is_drum)
        if not len(notes):
            return np.zeros(0, np.int32)
        tempo_map = TempoMap.of(sequence)
        starts = tempo_map.to_quarters(notes.start)
        lengths = tempo_map.to_quarters(notes.end) - starts
        durations = nearest_steps(lengths, STEPS_PER_QUARTER * THIRTY_SECONDS)
        starts = nearest_steps(starts, STEPS_PER_QUARTER)
        kept, ends = separate_repeats(
            notes.pitch + 128 * notes.is_drum,
            starts * THIRTY_SECONDS,
            starts * THIRTY_SECONDS + np.clip(durations, 1, LONGEST_NOTE),
        )
        notes, starts = notes.take(kept), starts[kept]
        durations = ends - starts * THIRTY_SECONDS

        bounds = bar_bounds(sequence, tempo_map, int(starts.max()) + 1)
        beats, bar_of_beat = beats_of_bars(bounds)
        events = [
            self._tempos(tempo_map, beats),
            self._notes(notes, starts, durations),
        ]
        if self.chords:
            seconds, chords = annotated_chords(sequence)
            quarters = tempo_map.to_quarters(seconds)
            steps = nearest_steps(quarters, STEPS_PER_QUARTER)
            inside = steps < bounds[-1]
            steps, chords = steps[inside], chords[inside]
            if not len(steps):
                steps = beats[:-1]
                pitched = ~notes.is_drum
                sixteenths = -(-durations[pitched] // THIRTY_SECONDS)
                chords = hear_chords(
                    notes.pitch[pitched],
                    starts[pitched],
                    starts[pitched] + sixteenths,
                    beats,
                    bar_of_beat,
                )
            events.append(self._chords(steps, chords))
        return self._write(bounds, events)

    def _tempos(self, tempo_map, beats):
        """Steps, rank and rows of the tempos: each a beat's mean, where it changes."""
        quarters = beats / STEPS_PER_QUARTER
        qpm = 60 * np.diff(quarters) / np.diff(tempo_map.to_seconds(quarters))
        qpm = np.clip(np.rint(qpm), MIN_QPM, MAX_QPM).astype(np.int64)
        changes = np.flatnonzero(np.diff(qpm, prepend=0))
        tempo_class, value = np.divmod(qpm[changes] - MIN_QPM, QPM_PER_CLASS)
        return beats[changes], 0, self._rows(TEMPO_CLASS=tempo_class, TEMPO_VALUE=value)

    def _chords(self, steps, chords):
        """Steps, rank and rows of the chords, where they change."""
        order = np.argsort(steps, kind="stable")
        steps, chords = steps[order], chords[order]
        is_last = np.append(steps[1:] != steps[:-1], True)
        steps, chords = steps[is_last], chords[is_last]
        changes = np.flatnonzero(np.diff(chords, prepend=-1))
        return steps[changes], 1, self._rows(CHORD=chords[changes])

    def _notes(self, notes, starts, durations):
        """Steps, rank and rows of the notes, in the order of one position."""
        order = np.lexsort((notes.pitch, notes.is_drum))
        notes, starts, durations = notes.take(order), starts[order], durations[order]
        pitch = self.vocabulary.encode("PITCH", notes.pitch)
        if self.drums:
            drum = self.vocabulary.encode("DRUM", notes.pitch)
            pitch = np.where(notes.is_drum, drum, pitch)
        velocity = to_velocity_bins(notes.velocity, VELOCITY_BINS)
        rows = self._rows(VELOCITY=velocity, DURATION=durations)
        return starts, 2, np.column_stack([pitch, rows])

    def _rows(self, **values):
        """The ids of events that stand side by side, `[E, W]`."""
        encode = self.vocabulary.encode
        return np.column_stack([encode(name, value) for name, value in values.items()])

    def _write(self, bounds, events):
        """The ids of bars and of what is in them."""
        steps = np.concatenate([steps for steps, _, _ in events])
        places = np.unique(steps)
        bar = np.searchsorted(bounds, places, side="right") - 1
        bars = (bounds[:-1], -2, self._rows(BAR=np.diff(bounds)))
        positions = (places, -1, self._rows(POSITION=1 + places - bounds[bar]))
        events = [bars, positions, *events]
        rows = [
            np.pad(rows, ((0, 0), (0, 3 - rows.shape[1])), constant_values=NO_EVENT)
            for _, _, rows in events
        ]
        ranks = [np.full(len(steps), rank) for steps, rank, _ in events]
        steps = np.concatenate([steps for steps, _, _ in events])
        return lay_out(np.concatenate(rows), steps, np.concatenate(ranks))

    def transposed(self, semitones: int) -> np.ndarray:
        """See `Tokenizer.transposed`; chords move with the notes."""
        table = super().transposed(semitones)
        if self.chords:
            start, stop = self.vocabulary.span("CHORD")
            table[start:stop] = start + transposed_chords(semitones)
        return table

    def decode(self, ids: np.ndarray) -> tuple["NoteSequence", int]:
        """The music of ids; see `Tokenizer.decode`.

        A note is a pitch, a velocity and a duration, one right after the other, and a
        tempo a class and a value; they are invalid alone, and so is whatever comes
        before its bar's first position, or a position outside its bar.
        """
        from tfmusic.music.note_sequence import NoteSequence  # it takes a second

        ids, num_invalid = self.music_ids(ids)
        events = Events(ids, self.vocabulary)
        values = events.values
        is_bar = events.are("BAR")
        lengths = np.where(is_bar, values, 0)
        begins = np.cumsum(lengths) - lengths
        bar = last_place(is_bar)
        is_position = events.are("POSITION") & (bar >= 0)
        is_position &= values <= lengths[bar]
        position = last_place(is_position)
        placed = (position > bar) & (position >= 0)
        step = np.where(placed, begins[bar] + values[position] - 1, 0)

        note = placed & events.are("PITCH", "DRUM")
        note &= ahead(events.are("VELOCITY")) & ahead(events.are("DURATION"), 2)
        tempo = placed & events.are("TEMPO_CLASS")
        tempo &= ahead(events.are("TEMPO_VALUE"))
        chord = placed & events.are("CHORD")
        num_valid = np.sum(is_bar) + np.sum(is_position) + np.sum(chord)
        num_valid += 3 * np.sum(note) + 2 * np.sum(tempo)

        index = np.flatnonzero(tempo)
        qpm = MIN_QPM + QPM_PER_CLASS * values[index] + values[index + 1]
        tempo_map = TempoMap.from_changes(step[index] / STEPS_PER_QUARTER, qpm)
        sequence = NoteSequence(ticks_per_quarter=220)
        tempo_map.add_to(sequence)
        bars = np.flatnonzero(is_bar)
        add_bars(sequence, tempo_map, np.cumsum([0, *lengths[bars]]))
        for index in np.flatnonzero(chord):
            seconds = tempo_map.to_seconds(step[index] / STEPS_PER_QUARTER)
            sequence.text_annotations.add(
                time=float(seconds),
                text=chord_symbol(int(values[index])),
                annotation_type=NoteSequence.TextAnnotation.CHORD_SYMBOL,
            )
        index = np.flatnonzero(note)
        start = step[index] / STEPS_PER_QUARTER
        length = values[index + 2] / (STEPS_PER_QUARTER * THIRTY_SECONDS)
        is_drum = events.are("DRUM")[index]
        notes = NoteArrays(
            pitch=values[index],
            velocity=from_velocity_bins(values[index + 1], VELOCITY_BINS),
            start=tempo_map.to_seconds(start),
            end=tempo_map.to_seconds(start + length),
            program=np.zeros(len(index), np.int32),
            instrument=is_drum.astype(np.int32),
            is_drum=is_drum,
        )
        add_notes(sequence, notes)
        return sequence, num_invalid + int(len(events) - num_valid)
