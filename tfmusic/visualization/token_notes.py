"""Which note each token of a piece tells of, and where it stands in the music."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music.piano_roll import pitch_name
from tfmusic.tokenizers import (
    ChoraleTokenizer,
    MelodyTokenizer,
    MultitrackTokenizer,
    PerformanceTokenizer,
    RemiTokenizer,
    Tokenizer,
)
from tfmusic.tokenizers.events import Events
from tfmusic.tokenizers.grid import VOICES
from tfmusic.tokenizers.multitrack_reading import read_tracks
from tfmusic.tokenizers.pairing import pair_notes

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

NO_NOTE = -1


@dataclass(frozen=True, eq=False)
class TokenNotes:
    """The music of a piece, and its tokens in it. `T` tokens.

    Attributes:
        sequence: the music.
        note: int64 `[T]`, index of the note in the sequence that each token tells of,
            or NO_NOTE: a rest, time, loudness, a bar.
        start, end: float64 `[T]`, seconds: what each token spans; the whole note where
            a token begins one, its end where one ends it. What tells of no note stands
            where the next one begins, if its time isn't known better.
        names: what each token is, in a musician's words.
    """

    sequence: NoteSequence
    note: np.ndarray
    start: np.ndarray
    end: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.note)

    @property
    def pitch(self) -> np.ndarray:
        """int64 `[T]`: the note's pitch, -1 for those that tell of none."""
        pitches = np.array([note.pitch for note in self.sequence.notes] + [-1])
        return pitches[self.note]

    def beginning(self, num_tokens: int, with_bos: bool) -> TokenNotes:
        """The first tokens, behind BOS if wanted, with the notes that they tell of."""
        note, start, end = (x[:num_tokens] for x in (self.note, self.start, self.end))
        kept, note = np.unique(note, return_inverse=True)
        is_note = kept != NO_NOTE
        kept, note = kept[is_note], note - np.sum(~is_note)  # -1 stays -1
        sequence = type(self.sequence)()
        sequence.CopyFrom(self.sequence)
        del sequence.notes[:]
        sequence.total_time = float(end.max(initial=0.0))
        for index in kept:
            sequence.notes.add().CopyFrom(self.sequence.notes[index])
            last = min(sequence.notes[-1].end_time, sequence.total_time)
            sequence.notes[-1].end_time = last
        names = self.names[:num_tokens]
        if with_bos:
            note, names = np.append(NO_NOTE, note), ["beginning", *names]
            start, end = np.append(0.0, start), np.append(0.0, end)
        return TokenNotes(sequence, note, start, end, names)

    def at(self, seconds: float | None = None) -> int:
        """The last token that begins a note, until some time; else the first of all.

        Args:
            seconds: the time; None for the end.
        """
        _, first = np.unique(self.note, return_index=True)
        begins = first[self.note[first] != NO_NOTE]
        if seconds is not None:
            begins = begins[self.start[begins] <= seconds]
        if not len(begins):
            return 0
        return int(max(begins, key=lambda place: (self.start[place], place)))


def token_notes(ids: np.ndarray, tokenizer: Tokenizer) -> TokenNotes:
    """Finds the tokens' notes.

    Args:
        ids: int `[T]`, as the tokenizer encodes a whole piece.
        tokenizer: that made them, one of this package's.

    Raises:
        UserError: it is another.
    """
    ids = np.asarray(ids, np.int64)
    sequence, _ = tokenizer.decode(ids)
    names = [_name(token, tokenizer) for token in ids.tolist()]
    if isinstance(tokenizer, (ChoraleTokenizer, MelodyTokenizer)):
        num_voices = len(VOICES) if isinstance(tokenizer, ChoraleTokenizer) else 1
        if num_voices > 1:
            names = [f"{VOICES[i % num_voices]} {name}" for i, name in enumerate(names)]
        note = _cells(ids, tokenizer, num_voices)
        num_steps = -(-len(ids) // num_voices)
        step = np.arange(len(ids)) // num_voices
        seconds = sequence.total_time / max(num_steps, 1)
        return TokenNotes(sequence, note, step * seconds, (step + 1) * seconds, names)
    if type(tokenizer) not in _FINDERS:
        raise UserError(
            f"nothing tells which tokens of tokenizer {tokenizer.name} are notes: "
            "add it to tfmusic.visualization.token_notes"
        )
    note, is_off = _FINDERS[type(tokenizer)](ids, tokenizer.vocabulary)
    starts = np.array([x.start_time for x in sequence.notes] + [sequence.total_time])
    ends = np.array([x.end_time for x in sequence.notes] + [sequence.total_time])
    told = note != NO_NOTE
    # The next token that begins a note, for those that tell of none.
    begins = np.where(told & ~is_off, np.arange(len(ids)), len(ids))
    following = np.minimum.accumulate(begins[::-1])[::-1]
    place = np.where(told, note, np.append(note, len(starts) - 1)[following])
    start = np.where(is_off, ends[place], starts[place])
    end = np.where(told, ends[place], start)
    return TokenNotes(sequence, note, start, end, names)


def _cells(ids, tokenizer, num_voices):
    """Of tokens on a grid: a note goes on while its voice holds its pitch."""
    rest = tokenizer.vocabulary.encode("REST", 0)
    sounds = ids != rest
    if num_voices > 1:
        before = np.concatenate([np.full(num_voices, rest), ids])[: len(ids)]
        begins = sounds & (ids != before)
    else:
        begins = sounds & (ids != tokenizer.vocabulary.encode("HOLD", 0))
    note = np.where(begins, np.cumsum(begins) - 1, NO_NOTE)
    for voice in range(num_voices):
        note[voice::num_voices] = np.maximum.accumulate(note[voice::num_voices])
    return np.where(sounds, note, NO_NOTE)


def _performance(ids, vocabulary):
    """A NOTE_ON begins a note, and the NOTE_OFF that belongs to it ends it."""
    events = Events(ids, vocabulary)
    is_off = events.are("NOTE_OFF")
    on, off, _ = pair_notes(events.values, events.are("NOTE_ON"), is_off)
    return _ended(on, on, off, len(ids)), is_off


def _multitrack(ids, vocabulary):
    """As of a performance, but that notes are sorted by time and not by track."""
    events = Events(ids, vocabulary)
    is_off = events.are("NOTE_OFF")
    on, off, _ = pair_notes(events.values, events.are("NOTE_ON"), is_off)
    return _ended(read_tracks(ids, vocabulary).place, on, off, len(ids)), is_off


def _ended(place, on, off, length):
    """The notes of their places in the order of the music, and of what ends them."""
    note = np.full(length, NO_NOTE)
    note[place] = np.arange(len(place))
    ended = off < length
    note[off[ended]] = note[on[ended]]
    return note


def _remi(ids, vocabulary):
    """A note is a pitch and the two tokens behind it."""
    note = np.full(len(ids), NO_NOTE)
    pitch = np.flatnonzero(Events(ids, vocabulary).are("PITCH", "DRUM"))
    for behind in range(3):
        note[pitch + behind] = np.arange(len(pitch))
    return note, np.zeros(len(ids), bool)


# Of tokenizers of events: for each token its note, and whether it ends it.
_FINDERS = {
    MultitrackTokenizer: _multitrack,
    PerformanceTokenizer: _performance,
    RemiTokenizer: _remi,
}


def _name(token: int, tokenizer: Tokenizer) -> str:
    """Such as C4, NOTE_OFF C4, TIME_SHIFT 12 or REST."""
    kind, value = tokenizer.vocabulary.decode(token)
    start, stop = tokenizer.vocabulary.span(kind)
    if stop == start + 1:
        return kind
    if tokenizer.pitched[token]:
        value = pitch_name(value)
    return value if kind in ("NOTE", "PITCH") else f"{kind} {value}"
