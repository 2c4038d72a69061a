"""The pieces that are compared: generated ones, real ones and those of training."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music.note_arrays import NoteArrays, note_arrays
from tfmusic.statistics.meter import count_bars

if TYPE_CHECKING:
    from tfmusic.datasets.piece_builder import PieceBuilder
    from tfmusic.datasets.pieces import Pieces
    from tfmusic.music.note_sequence import NoteSequence
    from tfmusic.tokenizers import Tokenizer

MOST_REAL = 256  # pieces; more of them change little


@dataclasses.dataclass(frozen=True, eq=False)
class MusicPiece:
    """What is looked at of a piece.

    Attributes:
        name: tells it from the others of its set.
        notes: all of them.
        num_bars: how many it has, None if that isn't known.
        ids: int32 `[T]`, its tokens; None where no tokenizer is at hand.
    """

    name: str
    notes: NoteArrays
    num_bars: float | None = None
    ids: np.ndarray | None = None


def as_piece(
    name: str,
    sequence: NoteSequence,
    ids: np.ndarray | None = None,
    seconds: float = np.inf,
) -> MusicPiece:
    """What is looked at of the first seconds of a piece, from its first note on."""
    notes = note_arrays(sequence)
    if not len(notes):
        return MusicPiece(name, notes, None, ids)
    start = float(notes.start.min())
    notes = notes.take(notes.start < start + seconds)
    notes = dataclasses.replace(notes, end=np.minimum(notes.end, start + seconds))
    bars = count_bars(sequence, start, float(notes.end.max()))
    return MusicPiece(name, notes, bars, ids)


def duration(piece: MusicPiece) -> float:
    """Seconds from the first onset to the last note's end; 0 without notes."""
    notes = piece.notes
    return float(notes.end.max() - notes.start.min()) if len(notes) else 0.0


def choose(num_pieces: int, seed: int) -> np.ndarray:
    """The numbers of at most `MOST_REAL` of so many pieces, in random order."""
    return np.random.default_rng(seed).permutation(num_pieces)[:MOST_REAL]


def decode_pieces(
    pieces: Pieces,
    tokenizer: Tokenizer,
    indices: Sequence[int],
    num_tokens: int | None = None,
) -> Iterator[MusicPiece]:
    """Pieces as the tokenizer gives them back, so that what it rounds is no difference.

    Args:
        pieces: a split.
        tokenizer: that made its ids.
        indices: which pieces.
        num_tokens: their first so many tokens; by default all.
    """
    for index in indices:
        ids = pieces.piece(index)[:num_tokens]
        yield as_piece(pieces.names[index], tokenizer.decode(ids)[0], ids)


def read_folder(folder: str) -> list[MusicPiece]:
    """The music files of a folder, at any depth, by name.

    Raises:
        UserError: there is none, or one can't be read.
    """
    from tfmusic.music.io import MUSIC_SUFFIXES, read_sequence

    if not os.path.isdir(folder):
        raise UserError(f"{folder} is not a folder: name one that holds music files")
    names = sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, files in os.walk(folder)
        for name in files
        if name.lower().endswith(MUSIC_SUFFIXES)
    )
    if not names:
        raise UserError(f"{folder} holds no {', '.join(MUSIC_SUFFIXES)} file")
    return [as_piece(n, read_sequence(os.path.join(folder, n))) for n in names]


def read_shards(
    builder: PieceBuilder, split: str
) -> Iterator[tuple[str, NoteSequence]]:
    """Name and music of each piece of a prepared split, in the order of its shards."""
    from tfmusic.music.note_sequence import NoteSequence

    for name, data in builder.examples(split):
        yield name, NoteSequence.FromString(data)
