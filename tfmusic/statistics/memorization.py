"""How long the runs are that music shares with the training set.

Runs are sought in three readings of a piece, each blind to more than the one before:

tokens      the ids themselves.
notes       from each note to the next the semitones and the class of the time between
            their onsets, of which there are two an octave: a transposed copy is found.
intervals   the semitones, and whether the next note is in the same chord: a copy is
            found in whatever key and tempo.

Real music that the model was not trained on shares runs too; its own are reported
beside those of the generated pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfmusic.music.note_arrays import NoteArrays
from tfmusic.statistics.copies import Copy, Corpus
from tfmusic.statistics.order import in_order, seconds_class
from tfmusic.statistics.sets import MusicPiece

READINGS = ("tokens", "notes", "intervals")
NUM_INTERVALS = 256  # -128 to 127 semitones


def read_notes(notes: NoteArrays) -> dict[str, np.ndarray]:
    """The readings "notes" and "intervals" of a piece.

    Args:
        notes: `N` of them.

    Returns:
        int32 `[N - 1]` each, a symbol for each pair of notes that follow one another
        in the order of `order.in_order`.
    """
    notes, chord = in_order(notes)
    interval = np.diff(notes.pitch) + NUM_INTERVALS // 2
    later = np.diff(chord) > 0
    waiting = np.where(later, 1 + seconds_class(np.diff(notes.start)), 0)
    return {
        "notes": (interval + NUM_INTERVALS * waiting).astype(np.int32),
        "intervals": (interval + NUM_INTERVALS * later).astype(np.int32),
    }


class Training:
    """The training set in each reading.

    Args:
        pieces: all of it; consumed one by one.
    """

    def __init__(self, pieces: Iterable[MusicPiece]):
        self.names: list[str] = []
        readings: dict[str, list[np.ndarray]] = {}
        for piece in pieces:
            self.names.append(piece.name)
            for name, symbols in _read(piece).items():
                readings.setdefault(name, []).append(symbols)
        self.corpora = {name: Corpus(symbols) for name, symbols in readings.items()}

    def report(
        self, generated: Sequence[MusicPiece], held_out: Sequence[MusicPiece] | None
    ) -> dict[str, Any]:
        """The longest runs in each reading, in tokens or in notes.

        Args:
            generated: pieces, with ids where the training set has them.
            held_out: real pieces that are not of the training set, if any.

        Returns:
            For each reading the median and the longest of both sets, and for each
            generated piece its longest run: how many, where it begins, and in which
            training piece it stands and where (tokens or notes, counted from 0).
        """
        report = {}
        for name, corpus in self.corpora.items():
            copies = _longest(name, corpus, generated)
            report[name] = {
                "generated": _summary(name, copies),
                "held_out": _summary(name, _longest(name, corpus, held_out or ())),
                "pieces": [
                    self._describe(name, piece, copy)
                    for piece, copy in zip(generated, copies, strict=True)
                ],
            }
        return report

    def _describe(self, reading: str, piece: MusicPiece, copy: Copy) -> dict[str, Any]:
        if not copy.length:
            return {"name": piece.name, "length": 0}
        return {
            "name": piece.name,
            "length": _length(reading, copy),
            "offset": copy.offset,
            "training_piece": self.names[copy.source],
            "training_offset": copy.source_offset,
        }


def _read(piece: MusicPiece) -> dict[str, np.ndarray]:
    tokens = {} if piece.ids is None else {"tokens": piece.ids}
    return tokens | read_notes(piece.notes)


def _longest(reading: str, corpus: Corpus, pieces: Sequence[MusicPiece]) -> list[Copy]:
    return corpus.longest_copies([_read(piece)[reading] for piece in pieces])


def _length(reading: str, copy: Copy) -> int:
    """Tokens, or notes: one more than there are steps between them."""
    return copy.length + (reading != "tokens" and copy.length > 0)


def _summary(reading: str, copies: Sequence[Copy]) -> dict[str, float] | None:
    if not copies:
        return None
    lengths = [_length(reading, copy) for copy in copies]
    return {
        "pieces": len(lengths),
        "median": float(np.median(lengths)),
        "longest": max(lengths),
    }
