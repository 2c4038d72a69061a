"""Pieces as files: a MIDI file each, and a picture if wanted."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfmusic.files import atomic_path
from tfmusic.music.io import write_midi
from tfmusic.music.piano_roll import draw_piano_roll

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence


@dataclasses.dataclass(frozen=True)
class PieceFiles:
    """Where pieces are written.

    Attributes:
        output: a .mid; where there are several pieces, -1, -2 are added.
        picture: a .png likewise, or None.
        num_pieces: how many there are.
    """

    output: str
    picture: str | None
    num_pieces: int

    def check(self) -> None:
        """Raises now what writing would raise after the work.

        Raises:
            UserError: a place can't be written.
        """
        for path in (self.output, self.picture):
            check_place(path and self._numbered(path, 1))

    def write(
        self, pieces: Sequence[tuple[NoteSequence, int]], prime_seconds: float = 0.0
    ) -> dict[str, float]:
        """Writes each piece, says so, and returns what was counted in all of them.

        Args:
            pieces: music and the number of invalid tokens that it was made from.
            prime_seconds: how much of it was given, for the picture.
        """
        counts = {"pieces": len(pieces), "notes": 0, "seconds": 0.0}
        counts["invalid_tokens"] = 0
        for number, (sequence, num_invalid) in enumerate(pieces, 1):
            path = self._numbered(self.output, number)
            write_midi(sequence, path)
            if self.picture:
                picture = self._numbered(self.picture, number)
                draw_piano_roll(sequence, picture, prime_seconds=prime_seconds)
            print(
                f"{path}: {len(sequence.notes)} notes, {sequence.total_time:.1f} "
                f"seconds, {num_invalid} invalid tokens"
            )
            counts["notes"] += len(sequence.notes)
            counts["seconds"] += sequence.total_time
            counts["invalid_tokens"] += num_invalid
        return counts

    def _numbered(self, path, number):
        """The path itself, or with the piece's number where there are several."""
        if self.num_pieces == 1:
            return path
        stem, suffix = os.path.splitext(path)
        return f"{stem}-{number}{suffix}"


class _Unwritten(Exception):
    """Ends a trial of writing before anything is written."""


def check_place(path: str | None) -> None:
    """Raises now, not after the work, what `atomic_path` would raise then."""
    if path:
        with contextlib.suppress(_Unwritten), atomic_path(path):
            raise _Unwritten
