"""From ticks to seconds: the tempo map of a MIDI file."""

from __future__ import annotations

import numpy as np

from tfmusic.music.midi_chunks import Division

MAX_SECONDS = 86_400.0  # a day; no piece is longer

_DEFAULT_QPM = 120.0  # quarters a minute


class TempoMap:
    """When each tick is.

    A tempo that is the one before it is left out, as is 0. Those at tick 0 replace
    each other. With SMPTE's division, tempos mean nothing.

    Args:
        division: what a tick is.
        tempos: tick and microseconds a quarter, in order.

    Attributes:
        ticks: int64 `[K]`, where tempos begin, the first at 0.
        seconds: float64 `[K]`, when.
        qpm: float64 `[K]`, quarters a minute.
    """

    def __init__(self, division: Division, tempos: list[tuple[int, int]]):
        resolution = division.ticks_per_quarter
        # The arithmetic is pretty_midi's, to the last bit.
        changes = [(0, 60.0 / (_DEFAULT_QPM * resolution))]
        for tick, microseconds in tempos if division.seconds_per_tick is None else ():
            if microseconds == 0:
                continue
            scale = 60.0 / (6e7 / microseconds * resolution)
            if tick == 0:
                changes = [(0, scale)]
            elif scale != changes[-1][1]:
                changes.append((tick, scale))
        self.ticks = np.array([tick for tick, _ in changes], np.int64)
        self._scales = np.array([scale for _, scale in changes])
        self.qpm = 60.0 / (self._scales * resolution)
        if division.seconds_per_tick is not None:
            self._scales = np.array([division.seconds_per_tick])
        spans = self._scales[:-1] * np.diff(self.ticks)
        self.seconds = np.cumsum(np.concatenate([[0.0], spans]))

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """The times of ticks: int64 `[...] -> float64 [...]`."""
        if len(self.ticks) == 1:
            return self._scales[0] * ticks
        index = np.searchsorted(self.ticks, ticks, side="right") - 1
        since = ticks - self.ticks[index]
        return self.seconds[index] + self._scales[index] * since
