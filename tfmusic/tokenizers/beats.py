"""Musical time: seconds to quarters by the tempo map, and where bars begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.tokenizers.events import spread

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

DEFAULT_QPM = 120.0  # as MIDI has it until a tempo is given
STEPS_PER_QUARTER = 4
DEFAULT_BAR = 4  # quarters
LONGEST_BAR = 32  # steps


@dataclass(frozen=True, eq=False)
class TempoMap:
    """Tempos that each hold until the next. `K` tempos.

    Attributes:
        seconds: float64 `[K]`, where each begins; the first is 0.
        quarters: float64 `[K]`, the same places in quarters.
        qpm: float64 `[K]`, quarters a minute.
    """

    seconds: np.ndarray
    quarters: np.ndarray
    qpm: np.ndarray

    @classmethod
    def of(cls, sequence: NoteSequence) -> TempoMap:
        """The tempos of a sequence; of several at one time the last."""
        tempos = {0.0: DEFAULT_QPM}
        for tempo in sorted(sequence.tempos, key=lambda tempo: tempo.time):
            if tempo.qpm > 0:
                tempos[tempo.time] = tempo.qpm
        seconds = np.array(list(tempos))
        qpm = np.array(list(tempos.values()))
        lengths = np.cumsum(np.diff(seconds) * (qpm / 60.0)[:-1])
        return cls(seconds, np.concatenate([[0.0], lengths]), qpm)

    @classmethod
    def from_changes(cls, quarters: np.ndarray, qpm: np.ndarray) -> TempoMap:
        """Tempos by the quarters where they begin; of several at one place the last.

        Args:
            quarters: `[K]`, 0 or more.
            qpm: `[K]`, more than 0.
        """
        tempos = {0.0: DEFAULT_QPM}
        for index in np.argsort(quarters, kind="stable"):
            tempos[float(quarters[index])] = float(qpm[index])
        places = np.array(list(tempos))
        qpm = np.array(list(tempos.values()))
        lengths = np.cumsum(np.diff(places) * (60.0 / qpm)[:-1])
        return cls(np.concatenate([[0.0], lengths]), places, qpm)

    def to_quarters(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds, of any shape, in quarters: float64 of the same shape."""
        seconds = np.asarray(seconds, np.float64)
        index = np.maximum(np.searchsorted(self.seconds, seconds, side="right") - 1, 0)
        passed = (seconds - self.seconds[index]) * (self.qpm / 60.0)[index]
        return self.quarters[index] + passed

    def to_seconds(self, quarters: np.ndarray) -> np.ndarray:
        """Quarters, of any shape, in seconds: float64 of the same shape."""
        quarters = np.asarray(quarters, np.float64)
        index = np.searchsorted(self.quarters, quarters, side="right") - 1
        index = np.maximum(index, 0)
        passed = (quarters - self.quarters[index]) * (60.0 / self.qpm)[index]
        return self.seconds[index] + passed

    def add_to(self, sequence: NoteSequence) -> None:
        """Appends the tempos to a sequence."""
        for seconds, qpm in zip(self.seconds.tolist(), self.qpm.tolist(), strict=True):
            sequence.tempos.add(time=seconds, qpm=qpm)


def nearest_steps(quarters: np.ndarray, steps_per_quarter: int) -> np.ndarray:
    """int64: the steps nearest to quarters."""
    return np.rint(np.asarray(quarters) * steps_per_quarter).astype(np.int64)


def bar_bounds(
    sequence: NoteSequence, tempo_map: TempoMap, num_steps: int
) -> np.ndarray:
    """Where bars begin, in steps of 16ths, by the time signatures.

    A time signature begins a bar, so it cuts the bar before it short. Until the first
    one bars have four quarters; so have those of more than 8 quarters and of less than
    a 16th.

    Args:
        sequence: the music.
        tempo_map: its own.
        num_steps: that the bars are to cover at least.

    Returns:
        int64 `[bars + 1]`, the first 0 and the last the end of the last bar; bars of 1
        to 32 steps.
    """
    meters = {0: DEFAULT_BAR * STEPS_PER_QUARTER}
    for meter in sorted(sequence.time_signatures, key=lambda meter: meter.time):
        place = nearest_steps(tempo_map.to_quarters(meter.time), STEPS_PER_QUARTER)
        steps = DEFAULT_BAR * STEPS_PER_QUARTER
        if meter.denominator > 0:
            written = meter.numerator * 4 * STEPS_PER_QUARTER / meter.denominator
            steps = written if 1 <= written <= LONGEST_BAR else steps
        meters[int(place)] = steps
    bounds = []
    places = list(meters)
    for place, stop, steps in zip(
        places, [*places[1:], np.inf], meters.values(), strict=True
    ):
        if place >= num_steps:
            break
        count = int(np.ceil((min(num_steps, stop) - place) / steps))
        bars = place + np.rint(steps * np.arange(count + 1)).astype(np.int64)
        bounds.append(np.minimum(bars, min(stop, bars[-1])).astype(np.int64))
    bounds = np.unique(np.concatenate([np.zeros(1, np.int64), *bounds]))
    return bounds[: np.searchsorted(bounds, num_steps) + 1]


def beats_of_bars(bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the beats of bars begin: quarters from the bar's start, the last one cut.

    Args:
        bounds: int `[bars + 1]`, in steps, as `bar_bounds` gives them.

    Returns:
        int64 `[K + 1]`, where each beat begins and the last ends, in steps, and
        int64 `[K]`, the bar of each, from 0.
    """
    count = -(-np.diff(bounds) // STEPS_PER_QUARTER)  # [bars]
    bar, within = spread(count)
    return np.append(bounds[bar] + STEPS_PER_QUARTER * within, bounds[-1]), bar


def add_bars(sequence: NoteSequence, tempo_map: TempoMap, bounds: np.ndarray) -> None:
    """Appends the time signatures that give the bars of `bar_bounds`.

    Only a bar's length is known: three quarters are 3/4, never 6/8.

    Args:
        sequence: the music.
        tempo_map: its own.
        bounds: int `[bars + 1]`, in steps of 16ths.
    """
    lengths = np.diff(bounds)
    changes = np.flatnonzero(np.diff(lengths, prepend=0))
    times = tempo_map.to_seconds(bounds[changes] / STEPS_PER_QUARTER)
    for time, steps in zip(times.tolist(), lengths[changes].tolist(), strict=True):
        denominator = next(n for n in (4, 8, 16) if steps * n % 16 == 0)
        sequence.time_signatures.add(
            time=time, numerator=steps * denominator // 16, denominator=denominator
        )


def separate_repeats(
    keys: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lets no two notes of one key sound at once, as on a keyboard.

    Of notes that begin together the longest is kept; a note ends where its key is
    struck again. `N` notes.

    Args:
        keys: int `[N]`, such as the pitch.
        starts, ends: int `[N]`, in steps; each note has one step at least.

    Returns:
        int64 `[K]`, the notes that are kept, by key and start, and int64 `[K]`, where
        each ends.
    """
    order = np.lexsort((-ends, starts, keys))
    keys, starts, ends = keys[order], starts[order], ends[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (keys[1:] != keys[:-1]) | (starts[1:] != starts[:-1])
    order, keys, starts, ends = (x[is_new] for x in (order, keys, starts, ends))
    again = np.full(len(order), np.iinfo(np.int64).max)
    again[:-1] = np.where(keys[1:] == keys[:-1], starts[1:], again[:-1])
    return order, np.minimum(ends, again)
