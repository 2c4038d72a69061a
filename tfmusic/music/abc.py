"""Tunes in ABC notation, as NoteSequences.

note_seq has a parser of this notation, but it knows neither rests nor ties nor
tuplets, and two of three Essen folk songs have a rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music.abc_body import FIELD, Score
from tfmusic.music.abc_voice import Voice
from tfmusic.music.note_arrays import NoteArrays, add_notes

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

VELOCITY = 90  # mezzo forte, the notation's default
QPM = 120.0  # where a tune states no tempo
TICKS_PER_QUARTER = 220

_COMMENT = re.compile(r"(?<!\\)%.*")
_FOR_ALL = "CLM"  # fields before the first tune that hold for every tune


def read_abc_book(data: bytes) -> list[str]:
    """The tunes of a file, each a text that begins with its `X:` line.

    A tune ends at the next one, or at the first empty line of its music: what stands
    between tunes is no music. Composer, length and meter that stand before the first
    tune hold for all.

    Args:
        data: the file, in UTF-8 or else in Latin-1.

    Raises:
        UserError: the file holds no tune.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    starts = [place for place, line in enumerate(lines) if line.startswith("X:")]
    if not starts:
        raise UserError("it holds no tune: a tune begins with a line X:1")
    common = [
        line
        for line in lines[: starts[0]]
        if (match := FIELD.match(line)) and match[1] in _FOR_ALL
    ]
    tunes = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        header, body = _divided(lines[start + 1 : end])
        music = "\n".join(body).strip("\n")  # empty lines may follow the header
        body = music.split("\n\n")[0].split("\n")
        tunes.append("\n".join([lines[start], *common, *header, *body]) + "\n")
    return tunes


def parse_abc(data: bytes) -> NoteSequence:
    """The first tune of a file.

    Raises:
        UserError: there is none, or it can't be read.
    """
    return read_tune(read_abc_book(data)[0])


def read_tune(text: str) -> NoteSequence:
    """Reads one tune.

    Each voice is an `instrument`. What stands between repeat signs, and each ending,
    is read once, as written; grace notes are left out; tied notes become one note. A
    tune begins with its upbeat: time 0 is the first note or rest, and the first bar
    line comes wherever the upbeat ends.

    Args:
        text: as `read_abc_book` gives it.

    Returns:
        A NoteSequence: times in seconds, at 120 quarters a minute unless the tune says
        otherwise, with its keys, meters, tempos, title and composers. Rests at the
        end count in `total_time`.

    Raises:
        UserError: something in it can't be read, or it has no note; the message says
            what.
    """
    lines = [_COMMENT.sub("", line).strip() for line in text.split("\n")]
    header, body = _divided([line for line in lines if line])
    score = Score(header)
    for line in body:
        score.read(line)
    voices = [voice for voice in score.voices.values() if voice.notes]
    if not voices:
        raise UserError("the tune has no note")
    clock = _Clock(score.tempos)
    sequence = _described(header)
    for seconds, qpm in zip(clock.starts, clock.qpms, strict=True):
        sequence.tempos.add(time=seconds, qpm=qpm)
    for quarter, key in score.keys:
        mode = type(sequence).KeySignature.Mode.Value(key.mode)
        time = clock.seconds([quarter])[0]
        sequence.key_signatures.add(time=time, key=key.tonic, mode=mode)
    for quarter, (numerator, denominator) in score.meters:
        sequence.time_signatures.add(
            time=clock.seconds([quarter])[0],
            numerator=numerator,
            denominator=denominator,
        )
    add_notes(sequence, _arrays(voices, clock))
    end = clock.seconds([max(voice.time for voice in voices)])[0]
    sequence.total_time = max(sequence.total_time, end)
    return sequence


def _arrays(voices: list[Voice], clock: _Clock) -> NoteArrays:
    """The notes of all voices, by time."""
    notes = sorted(
        (note.start, instrument, note.pitch, note.end)
        for instrument, voice in enumerate(voices)
        for note in voice.notes
    )
    starts, instruments, pitches, ends = zip(*notes, strict=True)
    zeros = np.zeros(len(notes), np.int32)
    return NoteArrays(
        pitch=np.array(pitches, np.int32),
        velocity=zeros + VELOCITY,
        start=clock.seconds(starts),
        end=clock.seconds(ends),
        program=zeros,
        instrument=np.array(instruments, np.int32),
        is_drum=zeros.astype(bool),
    )


class _Clock:
    """Goes from quarters to seconds.

    Args:
        tempos: `(quarter, quarters a minute)`, in any order.

    Attributes:
        starts: where each tempo begins, in seconds.
        qpms: each tempo, in quarters a minute.
    """

    def __init__(self, tempos: list[tuple[Fraction, float]]):
        changes = {Fraction(0): QPM} | dict(tempos)  # the last of a place holds
        self._quarters = np.array([float(q) for q in sorted(changes)])
        self.qpms = np.array([changes[quarter] for quarter in sorted(changes)])
        seconds = np.diff(self._quarters) * 60 / self.qpms[:-1]
        self.starts = np.concatenate([[0.0], np.cumsum(seconds)])

    def seconds(self, quarters: Iterable[Fraction]) -> np.ndarray:
        """Where so many quarters from the beginning are, in seconds."""
        quarters = np.array([float(quarter) for quarter in quarters])
        index = np.searchsorted(self._quarters, quarters, side="right") - 1
        since = quarters - self._quarters[index]
        return self.starts[index] + since * 60 / self.qpms[index]


def _divided(lines: list[str]) -> tuple[list[str], list[str]]:
    """The header, which ends with the key, and the body.

    A header without a key ends at the first line that is no field.
    """
    end = next((i + 1 for i, line in enumerate(lines) if line.startswith("K:")), None)
    if end is None:
        fields = [not line or FIELD.match(line) for line in lines]
        end = next((i for i, field in enumerate(fields) if not field), len(lines))
    return [line for line in lines[:end] if line], lines[end:]


def _described(header: list[str]) -> NoteSequence:
    """A sequence without notes, with what a header says of the tune."""
    from tfmusic.music.note_sequence import NoteSequence

    sequence = NoteSequence(ticks_per_quarter=TICKS_PER_QUARTER)
    info = sequence.source_info
    info.source_type = info.SCORE_BASED
    info.encoding_type = info.ABC
    fields = [match.groups() for line in header if (match := FIELD.match(line))]
    metadata = sequence.sequence_metadata
    metadata.title = "; ".join(text.strip() for name, text in fields if name == "T")
    metadata.composers.extend(text.strip() for name, text in fields if name == "C")
    for name, text in fields:
        if name == "X" and (match := re.match(r"\s*(\d{1,9})", text)):
            sequence.reference_number = int(match[1])
    return sequence
