"""Tracks one after the other, each in bars that can be left out and filled in."""

from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music.note_arrays import NoteArrays, add_notes, note_arrays
from tfmusic.tokenizers.bar_filling import fill_bars, mask_bars
from tfmusic.tokenizers.beats import (
    DEFAULT_QPM,
    LONGEST_BAR,
    STEPS_PER_QUARTER,
    TempoMap,
    add_bars,
    bar_bounds,
    nearest_steps,
    separate_repeats,
)
from tfmusic.tokenizers.multitrack_grammar import multitrack_grammar
from tfmusic.tokenizers.multitrack_reading import (
    DRUM_LENGTH,
    STEPS_PER_SIXTEENTH,
    read_tracks,
)
from tfmusic.tokenizers.multitrack_writing import (
    DENSITIES,
    LONGEST_DELTA,
    STEPS,
    Places,
    write_tracks,
)
from tfmusic.tokenizers.tokenizer import Tokenizer, register_tokenizer
from tfmusic.tokenizers.vocabulary import EventRange, Vocabulary

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

VELOCITY = 80


@register_tokenizer
class MultitrackTokenizer(Tokenizer):
    """Writes a few bars of each track in turn, so that any bar can be filled in.

    A piece is cut into windows of bars. A window holds its tracks, a track its
    instrument, its density and its bars, a bar its notes and the time between them:

        PIECE_START
        TRACK_START INSTRUMENT(33) DENSITY(3)
        BAR_START(16) NOTE_ON(40) TIME_DELTA(12) NOTE_OFF(40) BAR_END ... TRACK_END
        TRACK_START DRUMS DENSITY(5) BAR_START(16) DRUM_ON(36) ... TRACK_END

    `mask_bars` makes the form in which bars are filled in: FILL_IN stands in their
    place, and what was there follows the window's last track, each between FILL_START
    and FILL_END. `fill_bars` puts it back, and `decode` does so first of all.

    The paper's music is in 4/4 and each piece one window. Here BAR_START tells the
    bar's length in 16ths, windows follow each other, and EOS ends the piece. A
    window's notes end with it, and windows without any note are left out. Tracks go by
    program and instrument, drums last. In one track, no two notes of a pitch sound at
    once, see `separate_repeats`. Tempo and velocity aren't told, as in the paper, nor
    how long a drum sounds.

    Args:
        num_bars: of a window; 0 makes the whole piece one.

    Raises:
        UserError: `num_bars` is negative.

    Reference:
        [Ens and Pasquier, 2020](https://arxiv.org/abs/2008.06048), section 3.
    """

    name = "multitrack"
    pitched_ranges = ("NOTE_ON", "NOTE_OFF")

    def __init__(self, num_bars: int = 8):
        if num_bars < 0:
            raise UserError(f"num_bars must be 0 or more, not {num_bars}")
        self.num_bars = num_bars
        self.options = {"num_bars": num_bars}
        self.vocabulary = Vocabulary(
            [
                EventRange("PIECE_START", 0, 0),
                EventRange("TRACK_START", 0, 0),
                EventRange("TRACK_END", 0, 0),
                EventRange("INSTRUMENT", 0, 127),
                EventRange("DRUMS", 0, 0),
                EventRange("DENSITY", 0, len(DENSITIES)),
                EventRange("BAR_START", 1, LONGEST_BAR),  # 16ths
                EventRange("BAR_END", 0, 0),
                EventRange("NOTE_ON", 0, 127),
                EventRange("NOTE_OFF", 0, 127),
                EventRange("DRUM_ON", 0, 127),
                EventRange("TIME_DELTA", 1, LONGEST_DELTA),  # 12ths of a quarter
                EventRange("FILL_IN", 0, 0),
                EventRange("FILL_START", 0, 0),
                EventRange("FILL_END", 0, 0),
            ]
        )
        self.grammar = multitrack_grammar(self.vocabulary)
        self.features = {"pitch": 2 + 127 + 1}  # 0 for what has none; 1 stays unused

    def encode(self, sequence: "NoteSequence") -> np.ndarray:
        """The ids of a piece, up to the bar in which its last note ends.

        Returns:
            int32 `[T]`; nothing where there are no notes.
        """
        notes = note_arrays(sequence)
        if not len(notes):
            return np.zeros(0, np.int32)
        program = np.where(notes.is_drum, 0, notes.program)
        names = np.column_stack([notes.is_drum, program, notes.instrument])
        names, track = np.unique(names, axis=0, return_inverse=True)
        track = track.reshape(-1)
        tempo_map = TempoMap.of(sequence)
        starts, ends = (
            nearest_steps(tempo_map.to_quarters(seconds), STEPS)
            for seconds in (notes.start, notes.end)
        )
        ends = np.where(notes.is_drum, starts + DRUM_LENGTH, ends)
        kept, ends = separate_repeats(
            track * 128 + notes.pitch, starts, np.maximum(ends, starts + 1)
        )
        notes, track, starts = notes.take(kept), track[kept], starts[kept]

        last = -(-int(ends.max()) // STEPS_PER_SIXTEENTH)
        bounds = STEPS_PER_SIXTEENTH * bar_bounds(sequence, tempo_map, last)
        window_bars = self.num_bars or len(bounds)
        bar = np.searchsorted(bounds, starts, side="right") - 1
        window = bar // window_bars
        window_end = np.minimum((window + 1) * window_bars, len(bounds) - 1)
        ends = np.minimum(ends, bounds[window_end])
        last_bar = np.searchsorted(bounds, ends, side="left") - 1
        last_bar = np.where(notes.is_drum, bar, last_bar)
        return write_tracks(
            Places(window, track, bar, last_bar, starts, ends),
            notes,
            names,
            bounds[: last_bar.max() + 2],
            window_bars,
            self.vocabulary,
        )

    def mask_bars(self, ids: np.ndarray, bars: np.ndarray) -> np.ndarray:
        """The form in which some bars are filled in; see `bar_filling.mask_bars`."""
        return mask_bars(ids, bars, self.vocabulary)

    def fill_bars(self, ids: np.ndarray) -> np.ndarray:
        """Puts bars that were filled in where they belong; see `bar_filling`."""
        return fill_bars(ids, self.vocabulary)

    def decode(
        self, ids: np.ndarray, qpm: float = DEFAULT_QPM
    ) -> tuple["NoteSequence", int]:
        """The music of ids, at `qpm` quarters a minute; see `Tokenizer.decode`.

        What is invalid, see `read_tracks`.
        """
        from tfmusic.music.note_sequence import NoteSequence  # it takes a second

        ids, num_invalid = self.music_ids(ids)
        tracks = read_tracks(fill_bars(ids, self.vocabulary), self.vocabulary)
        tempo_map = TempoMap.from_changes(np.zeros(1), np.array([qpm]))
        sequence = NoteSequence(ticks_per_quarter=220)
        tempo_map.add_to(sequence)
        add_bars(sequence, tempo_map, tracks.bounds)
        sequence.total_time = float(
            tempo_map.to_seconds(tracks.bounds[-1] / STEPS_PER_QUARTER)
        )
        notes = NoteArrays(
            pitch=tracks.pitch,
            velocity=np.full(len(tracks.pitch), VELOCITY),
            start=tempo_map.to_seconds(tracks.start / STEPS),
            end=tempo_map.to_seconds(tracks.end / STEPS),
            program=tracks.program,
            instrument=tracks.instrument,
            is_drum=tracks.is_drum,
        )
        add_notes(sequence, notes)
        return sequence, num_invalid + tracks.num_invalid
