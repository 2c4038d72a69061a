"""Which instrument plays each note of a MIDI file, and whose each control change is.

An instrument is one program on one channel of one track. Instruments are numbered in
the order in which their first notes end.

Control changes and bends that come before their instrument's first note has ended
wait, and go to every instrument that begins on their channel from then on; so do
those that come later, if they come to such an instrument. This is how pretty_midi has
it, and with it all that was trained on its reading.

`N` notes, `C` changes, `I` instruments, `V` voices: a voice is one channel of one
track, 16 times the track's number plus the channel's. Rows number the events of all
tracks one after the other.
"""

from __future__ import annotations

import numpy as np

PROGRAMS = 128


class Programs:
    """The program of each voice at each row; 0 until it says otherwise.

    Args:
        voice, row, program: int64 `[P]`, the program changes in the order of rows.
    """

    def __init__(self, voice: np.ndarray, row: np.ndarray, program: np.ndarray):
        order = np.argsort(voice, kind="stable")
        self._voice, self._program = voice[order], program[order].astype(np.int64)
        self._place = (voice << 32 | row)[order]

    def at(self, voice: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Programs: int64 `[N], [N] -> [N]`."""
        if not len(self._place):
            return np.zeros(len(voice), np.int64)
        index = np.searchsorted(self._place, voice << 32 | row) - 1
        return np.where(
            (index >= 0) & (self._voice[index] == voice), self._program[index], 0
        )


class Instruments:
    """The instruments of a file.

    Args:
        voice: int64 `[N]`, of each note, in the order in which notes end.
        program: int64 `[N]`.
        row: int64 `[N]`, where each ends.

    Attributes:
        of_note: int64 `[N]`, the number of each note's instrument.
        voice, program, row: int64 `[I]`, of each instrument; the row at which its
            first note ends.
    """

    def __init__(self, voice: np.ndarray, program: np.ndarray, row: np.ndarray):
        keys, first, of_note = np.unique(
            voice * PROGRAMS + program, return_index=True, return_inverse=True
        )
        order = np.argsort(first)
        number = np.empty(len(order), np.int64)
        number[order] = np.arange(len(order))
        self.of_note = number[of_note]
        self.voice, self.program = np.divmod(keys[order], PROGRAMS)
        self.row = row[first[order]]
        self._keys, self._number = keys, number

    def __len__(self) -> int:
        return len(self.voice)

    def owners(
        self, voice: np.ndarray, program: np.ndarray, row: np.ndarray
    ) -> list[np.ndarray]:
        """The changes that go to each instrument.

        Args:
            voice, program, row: int64 `[C]`, of control changes and bends.

        Returns:
            For each instrument the indices of its changes, in order.
        """
        if not len(self):
            return []
        number = self._find(voice, program)
        waits = (number < 0) | (self.row[number] > row)
        voices, first = np.unique(voice[waits], return_index=True)
        first = row[waits][first]
        # An instrument that begins after a change that waits has that one's list.
        index = np.searchsorted(voices, self.voice)
        index = np.minimum(index, max(0, len(voices) - 1))
        shares = np.zeros(len(self), bool)
        if len(voices):
            shares = (voices[index] == self.voice) & (first[index] < self.row)
        # Lists: one for each instrument, then one for each voice in which some wait.
        own = np.where(shares, len(self) + index, np.arange(len(self)))
        to_voice = len(self) + np.searchsorted(voices, voice)
        to_list = np.where(waits, to_voice, own[number])
        order = np.argsort(to_list, kind="stable")
        begins = np.searchsorted(to_list[order], own)
        ends = np.searchsorted(to_list[order], own, side="right")
        return [order[begin:end] for begin, end in zip(begins, ends, strict=True)]

    def _find(self, voice: np.ndarray, program: np.ndarray) -> np.ndarray:
        """The numbers of instruments, -1 where there is none."""
        keys = voice * PROGRAMS + program
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._number[place], -1)
