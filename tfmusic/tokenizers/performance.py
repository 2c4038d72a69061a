"""A performance as keys struck and released, time passing, and loudness."""

from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music.note_arrays import NoteArrays, add_notes, note_arrays
from tfmusic.tokenizers.events import Events, last_place
from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.pairing import order_shifts, pair_notes
from tfmusic.tokenizers.sustain import (
    add_pedal,
    apply_sustain,
    pedal_movements,
    read_pedal,
)
from tfmusic.tokenizers.tokenizer import Tokenizer, register_tokenizer
from tfmusic.tokenizers.velocities import (
    NUM_VELOCITIES,
    from_velocity_bins,
    to_velocity_bins,
)
from tfmusic.tokenizers.vocabulary import EOS, NUM_SPECIAL, EventRange, Vocabulary

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

SUSTAIN_MODES = ("apply", "ignore", "keep")
VELOCITY = 80  # where no VELOCITY tells


@register_tokenizer
class PerformanceTokenizer(Tokenizer):
    """Writes what a player does as 388 events, in the order of time.

    NOTE_ON and NOTE_OFF of 128 pitches, TIME_SHIFT of 1 to 100 steps of 10 ms, and
    VELOCITY of 1 to 32, which holds for the notes that follow. Ids are those of
    `note_seq.PerformanceOneHotEncoding` plus `NUM_SPECIAL`, and the events of a piece
    are those of `note_seq.Performance`. Instruments and drums become one stream.

    Args:
        sustain: "apply" makes notes last until the pedal lifts, see `apply_sustain`;
            "ignore" leaves them as long as the keys are held; "keep" does so too and
            adds the events SUSTAIN_OFF and SUSTAIN_ON, which go before the notes of
            their step.
        num_velocity_bins: 0 leaves VELOCITY out.
        max_shift_steps: longer times are several TIME_SHIFTs.
        steps_per_second: time's resolution.

    Raises:
        UserError: an option is outside its range.

    Reference:
        [Oore et al., 2018](https://arxiv.org/abs/1808.03715), section 3.2.
    """

    name = "performance"
    pitched_ranges = ("NOTE_ON", "NOTE_OFF")
    time_shift_range = "TIME_SHIFT"

    def __init__(
        self,
        sustain: str = "apply",
        num_velocity_bins: int = 32,
        max_shift_steps: int = 100,
        steps_per_second: int = 100,
    ):
        _check(sustain in SUSTAIN_MODES, "sustain", "apply, ignore or keep", sustain)
        fits = 0 <= num_velocity_bins <= NUM_VELOCITIES
        _check(fits, "num_velocity_bins", "0 to 127", num_velocity_bins)
        _check(max_shift_steps >= 1, "max_shift_steps", "1 or more", max_shift_steps)
        _check(steps_per_second >= 1, "steps_per_second", "1 or more", steps_per_second)
        self.sustain = sustain
        self.num_velocity_bins = num_velocity_bins
        self.max_shift_steps = max_shift_steps
        self.steps_per_second = steps_per_second
        self.options = {
            "sustain": sustain,
            "num_velocity_bins": num_velocity_bins,
            "max_shift_steps": max_shift_steps,
            "steps_per_second": steps_per_second,
        }
        ranges = [
            EventRange("NOTE_ON", 0, 127),
            EventRange("NOTE_OFF", 0, 127),
            EventRange("TIME_SHIFT", 1, max_shift_steps),
        ]
        if num_velocity_bins:
            ranges.append(EventRange("VELOCITY", 1, num_velocity_bins))
            self.velocity_range = "VELOCITY"
        if sustain == "keep":
            ranges += [EventRange("SUSTAIN_OFF", 0, 0), EventRange("SUSTAIN_ON", 0, 0)]
        self.vocabulary = Vocabulary(ranges)
        # One state: any event may follow any, and a piece may end anywhere.
        classes = np.ones(self.vocabulary.size, np.int32)
        classes[:NUM_SPECIAL] = 0
        classes[EOS] = 1
        self.grammar = Grammar(classes, np.array([[-1, 0]], np.int32), {}, {})
        self.features = {}

    def encode(self, sequence: "NoteSequence") -> np.ndarray:
        """The ids of a performance; time before the first note is kept.

        Times go to the nearest step, and a note lasts one at least. Within a step
        events stand in the order in which their notes began, then by pitch.

        Returns:
            int32 `[T]`.

        Raises:
            UserError: a note begins before time 0, or ends before it begins.
        """
        notes = note_arrays(sequence)
        if self.sustain == "ignore":
            return self.notes_to_ids(notes)
        pedal = read_pedal(sequence)
        if self.sustain == "apply":
            return self.notes_to_ids(apply_sustain(notes, pedal))
        return self.notes_to_ids(notes, *pedal_movements(pedal))

    def notes_to_ids(
        self,
        notes: NoteArrays,
        pedal_times: np.ndarray | None = None,
        pedal_is_down: np.ndarray | None = None,
    ) -> np.ndarray:
        """The ids of notes as long as they are given.

        Args:
            notes: `N` notes, in any order.
            pedal_times: float `[P]`, ascending seconds, for `sustain="keep"`.
            pedal_is_down: bool `[P]`.

        Returns:
            int32 `[T]`.

        Raises:
            UserError: a note begins before time 0, or ends before it begins.
        """
        notes = notes.take(np.lexsort((notes.pitch, notes.start)))
        starts, ends = self._to_steps(notes.start), self._to_steps(notes.end)
        ends += ends == starts
        if len(notes) and starts.min() < 0:
            raise UserError(
                f"a note begins at {notes.start[0]:g} s: move the music to 0 or later"
            )
        if (ends < starts).any():
            start = notes.start[ends < starts][0]
            raise UserError(
                f"the note at {start:g} s ends before it begins: correct it"
            )

        encode = self.vocabulary.encode
        steps = [starts, ends]
        ids = [encode("NOTE_ON", notes.pitch), encode("NOTE_OFF", notes.pitch)]
        rank = np.arange(len(notes))
        ranks = [rank, rank]
        if self.sustain == "keep" and pedal_times is not None:
            up, down = encode("SUSTAIN_OFF", 0), encode("SUSTAIN_ON", 0)
            steps.append(np.maximum(self._to_steps(pedal_times), 0))
            ids.append(np.where(pedal_is_down, down, up))
            ranks.append(np.arange(-len(pedal_times), 0))  # before the notes
        order = np.lexsort((np.concatenate(ranks), np.concatenate(steps)))
        steps, ids = np.concatenate(steps)[order], np.concatenate(ids)[order]

        shifts = np.diff(steps, prepend=0)
        count = -(-shifts // self.max_shift_steps)  # TIME_SHIFTs before each event
        is_on = order < len(notes)
        velocity = self._velocity_ids(notes)[order[is_on]]
        changed = np.zeros(len(ids), bool)
        changed[is_on] = np.diff(velocity, prepend=0) != 0
        places = np.cumsum(count + changed + 1) - 1  # of each event
        result = np.full(
            places[-1] + 1 if len(places) else 0,
            encode("TIME_SHIFT", self.max_shift_steps),
            np.int32,
        )
        result[places] = ids
        result[places[changed] - 1] = velocity[changed[is_on]]
        shifted = count > 0
        rest = shifts - (count - 1) * self.max_shift_steps
        result[(places - changed - 1)[shifted]] = encode("TIME_SHIFT", rest[shifted])
        return result

    def _to_steps(self, seconds: np.ndarray) -> np.ndarray:
        """The nearest step, the later one of two."""
        return (seconds * self.steps_per_second + 0.5).astype(np.int64)

    def _velocity_ids(self, notes: NoteArrays) -> np.ndarray:
        """int32 `[N]`, the VELOCITY of each note; 0 where there is none."""
        if not self.num_velocity_bins:
            return np.zeros(len(notes), np.int32)
        bins = to_velocity_bins(notes.velocity, self.num_velocity_bins)
        return self.vocabulary.encode("VELOCITY", bins)

    def decode(self, ids: np.ndarray) -> tuple["NoteSequence", int]:
        """The performance of ids, of a piano; see `Tokenizer.decode`.

        A NOTE_OFF ends the note of its pitch that began first. So music in which
        notes of one pitch end in the order in which they began comes back with the
        same ids. A velocity is the middle of its bin, and 80 before the first
        VELOCITY. Notes left open end at the last time.

        Invalid are a NOTE_OFF of a pitch that doesn't sound, both events of a note
        that would have no length, and a pedal event that changes nothing. A NOTE_ON
        of a pitch that sounds is another note of that pitch.
        """
        from tfmusic.music.note_sequence import NoteSequence  # it takes a second

        ids, num_invalid = self.music_ids(ids)
        events = Events(ids, self.vocabulary)
        steps = np.cumsum(np.where(events.are("TIME_SHIFT"), events.values, 0))
        last = int(steps[-1]) if len(steps) else 0

        on, off, num_unmatched = pair_notes(
            events.values, events.are("NOTE_ON"), events.are("NOTE_OFF")
        )
        ends = np.append(steps, last)[off]
        lasts = ends > steps[on]
        num_empty = np.sum(~lasts) + np.sum(~lasts & (off < len(events)))
        on, ends = on[lasts], ends[lasts]
        pitch = events.values[on].astype(np.int32)
        starts = steps[on] + order_shifts(steps[on], np.diff(pitch, prepend=0) < 0)
        zeros = np.zeros(len(on), np.int32)
        notes = NoteArrays(
            pitch=pitch,
            velocity=self._velocities(events)[on],
            start=starts / self.steps_per_second,
            end=ends / self.steps_per_second,
            program=zeros,
            instrument=zeros,
            is_drum=zeros > 0,
        )
        total_time = last / self.steps_per_second
        sequence = NoteSequence(ticks_per_quarter=220, total_time=total_time)
        add_notes(sequence, notes)
        num_invalid += num_unmatched + int(num_empty)
        if self.sustain == "keep":
            num_invalid += self._add_pedal(sequence, events, steps)
        return sequence, num_invalid

    def _velocities(self, events: Events) -> np.ndarray:
        """int32 `[T]`, the velocity that holds at each event."""
        if not self.num_velocity_bins:
            return np.full(len(events), VELOCITY, np.int32)
        place = last_place(events.are("VELOCITY"))
        velocity = from_velocity_bins(events.values, self.num_velocity_bins)
        return np.append(velocity, VELOCITY)[place].astype(np.int32)

    def _add_pedal(
        self, sequence: "NoteSequence", events: Events, steps: np.ndarray
    ) -> int:
        """Adds the pedal's movements; the number of those that change nothing."""
        is_on = events.are("SUSTAIN_ON")
        place = np.flatnonzero(is_on | events.are("SUSTAIN_OFF"))
        moved = np.diff(is_on[place], prepend=False)
        num_invalid = len(place) - int(moved.sum())
        place = place[moved]
        # Movements within a step have to stay in their order, too.
        late = order_shifts(steps[place], np.ones(len(place), bool))
        times = (steps[place] + late) / self.steps_per_second
        add_pedal(sequence, times, is_on[place])
        return num_invalid


def _check(fits: bool, name: str, expected: str, value: object) -> None:
    if not fits:
        raise UserError(f"{name} must be {expected}, not {value!r}")
