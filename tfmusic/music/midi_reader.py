"""Reads a MIDI file into a NoteSequence.

Where a file is well formed, the sequence equals note_seq's to the last bit. Where it
is damaged, what comes before the damage in each track is kept:

- lengths of chunks that are wrong are found out, other chunks passed over;
- tempos are taken from every track, meters and keys from the first that has any;
  those that can't be (a tempo of 0, 0/4, nine sharps) are left out;
- notes that never end, or that last no time, are left out;
- what comes after a day is left out;
- a division of 0 is taken to be 480 ticks a quarter.
"""

from __future__ import annotations

import bisect

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music import midi_events as midi
from tfmusic.music.midi_chunks import find_chunks
from tfmusic.music.midi_events import TrackEvents, read_track
from tfmusic.music.midi_instruments import Instruments, Programs
from tfmusic.music.midi_notes import pair_notes
from tfmusic.music.midi_tempo import MAX_SECONDS, TempoMap
from tfmusic.music.note_arrays import ControlArrays, NoteArrays, add_controls, add_notes
from tfmusic.music.note_sequence import NoteSequence

MAX_INSTRUMENTS = 2**14
MAX_CHANGES = 2**23  # control changes and bends, counted for each instrument

_DRUMS = 9  # the channel, counted from 0
_MAX_METER_EXPONENT = 7  # a 128th


def read_midi(data: bytes, name: str) -> NoteSequence:
    """Reads the music of a MIDI file.

    Args:
        data: the file.
        name: of the file, for errors.

    Returns:
        Times in seconds; one instrument for each program of each channel of each
        track that has notes; notes by instrument, in the order in which they end.

    Raises:
        UserError: it isn't MIDI, it is so damaged that no note could be read, or it
            has more than any music has.
    """
    chunks = find_chunks(data, name)
    tracks = [read_track(chunks.data[start:end]) for start, end in chunks.tracks]
    tempos = sorted(
        (
            (int(track.tick[row]), int.from_bytes(content[:3], "big"))
            for track in tracks
            for row, kind, content in track.meta
            if kind == midi.TEMPO and len(content) >= 3
        ),
        key=lambda tempo: tempo[0],
    )
    times = TempoMap(chunks.division, tempos)
    sequence = NoteSequence(ticks_per_quarter=chunks.division.ticks_per_quarter)
    sequence.source_info.parser = NoteSequence.SourceInfo.PRETTY_MIDI
    sequence.source_info.encoding_type = NoteSequence.SourceInfo.MIDI
    for time, qpm in zip(times.seconds, times.qpm, strict=True):
        if time <= MAX_SECONDS:
            sequence.tempos.add(time=time, qpm=qpm)
    _add_meters(sequence, tracks, times)
    _add_keys(sequence, tracks, times)
    _Music(tracks, times, name).add_to(sequence)
    damages = filter(None, [*(track.damage for track in tracks), chunks.damage])
    if not sequence.notes and (reason := next(damages, "")):
        raise UserError(f"cannot read {name}: damaged MIDI ({reason})")
    return sequence


class _Music:
    """The channel messages of all tracks, one track after the other."""

    def __init__(self, tracks: list[TrackEvents], times: TempoMap, name: str):
        self.times, self.name = times, name
        self.tick = _joined([track.tick for track in tracks])
        status = _joined([track.status for track in tracks])
        self.kind = status >> 4
        lengths = [len(track.tick) for track in tracks]
        number = np.repeat(np.arange(len(tracks)), lengths)
        self.voice = number << 4 | status & 0x0F
        self.data1 = _joined([track.data1 for track in tracks])
        self.data2 = _joined([track.data2 for track in tracks])
        begins = np.cumsum([0, *lengths[:-1]])
        self.names = [  # row and name, for each track
            [
                (int(begin) + row, content)
                for row, kind, content in track.meta
                if kind == midi.TRACK_NAME
            ]
            for begin, track in zip(begins, tracks, strict=True)
        ]
        if len(self.tick) and times.to_seconds(self.tick.max()) > MAX_SECONDS:
            late = times.to_seconds(self.tick) > MAX_SECONDS
            self.kind[late] = 0xF

    def add_to(self, sequence: NoteSequence) -> None:
        rows = self._rows(midi.PROGRAM)
        programs = Programs(self.voice[rows], rows, self.data1[rows])
        first, last = self._pairs()
        voice = self.voice[last]
        program = programs.at(voice, last)
        instruments = Instruments(voice, program, last)
        if len(instruments) > MAX_INSTRUMENTS:
            raise UserError(
                f"cannot read {self.name}: it has more than {MAX_INSTRUMENTS} "
                "instruments"
            )
        order = np.argsort(instruments.of_note, kind="stable")
        first, last, of_note = first[order], last[order], instruments.of_note[order]
        notes = NoteArrays(
            pitch=self.data1[first],
            velocity=self.data2[first],
            start=self.times.to_seconds(self.tick[first]),
            end=self.times.to_seconds(self.tick[last]),
            program=program[order],
            instrument=of_note,
            is_drum=voice[order] & 0x0F == _DRUMS,
        )
        self._add_names(sequence, instruments)
        add_notes(sequence, notes)
        self._add_changes(sequence, instruments, programs)

    def _rows(self, *kinds: int) -> np.ndarray:
        is_wanted = np.zeros(16, bool)
        is_wanted[list(kinds)] = True
        return np.flatnonzero(is_wanted[self.kind])

    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows at which each note begins and ends."""
        rows = self._rows(midi.NOTE_ON, midi.NOTE_OFF)
        voice = self.voice[rows]
        is_used = np.zeros(int(voice.max(initial=0)) + 1, bool)
        is_used[voice] = True
        key = (np.cumsum(is_used) - 1)[voice] << 7 | self.data1[rows]
        if len(key) and key.max() < 2**16:
            key = key.astype(np.uint16)  # which numpy sorts in linear time
        is_on = (self.kind[rows] == midi.NOTE_ON) & (self.data2[rows] > 0)
        first, last = pair_notes(key, self.tick[rows], is_on)
        return rows[first], rows[last]

    def _add_names(self, sequence: NoteSequence, instruments: Instruments) -> None:
        """The name that its track has when an instrument begins."""
        places = zip(instruments.voice.tolist(), instruments.row.tolist(), strict=True)
        for number, (voice, row) in enumerate(places):
            names = self.names[voice >> 4]
            place = bisect.bisect(names, (row, b""))
            if place and names[place - 1][1]:
                name = _text(names[place - 1][1])
                sequence.instrument_infos.add(instrument=number, name=name)

    def _add_changes(
        self, sequence: NoteSequence, instruments: Instruments, programs: Programs
    ) -> None:
        rows = self._rows(midi.CONTROL, midi.BEND)
        voice = self.voice[rows]
        owned = instruments.owners(voice, programs.at(voice, rows), rows)
        lengths = [len(places) for places in owned]
        if sum(lengths) > MAX_CHANGES:
            raise UserError(
                f"cannot read {self.name}: it has more than {MAX_CHANGES} control "
                "changes"
            )
        rows = rows[_joined(owned)] if owned else rows[:0]
        instrument = np.repeat(np.arange(len(instruments)), lengths)
        is_control = self.kind[rows] == midi.CONTROL
        for chosen, add in ((is_control, add_controls), (~is_control, _add_bends)):
            row, number = rows[chosen], instrument[chosen]
            controls = ControlArrays(
                time=self.times.to_seconds(self.tick[row]),
                number=self.data1[row],
                value=self.data2[row],
                program=instruments.program[number],
                instrument=number,
                is_drum=instruments.voice[number] & 0x0F == _DRUMS,
            )
            add(sequence, controls)


def _add_bends(sequence: NoteSequence, bends: ControlArrays) -> None:
    """Appends pitch bends; number and value are their low and high seven bits."""
    bend = (bends.value.astype(np.int64) << 7 | bends.number) - 8192
    columns = (bends.time, bend, bends.program, bends.instrument, bends.is_drum)
    for time, value, program, instrument, is_drum in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        sequence.pitch_bends.add(
            time=time,
            bend=value,
            program=program,
            instrument=instrument,
            is_drum=is_drum,
        )


def _first_with(
    tracks: list[TrackEvents], wanted: int, size: int, times: TempoMap
) -> list[tuple[float, bytes]]:
    """Time and content of the meta events of a type, of the first track with any."""
    for track in tracks:
        found = [
            (float(times.to_seconds(track.tick[row])), content)
            for row, kind, content in track.meta
            if kind == wanted and len(content) >= size
        ]
        if found:
            return [event for event in found if event[0] <= MAX_SECONDS]
    return []


def _add_meters(
    sequence: NoteSequence, tracks: list[TrackEvents], times: TempoMap
) -> None:
    for time, (numerator, exponent, *_) in _first_with(tracks, midi.METER, 2, times):
        if numerator and exponent <= _MAX_METER_EXPONENT:
            sequence.time_signatures.add(
                time=time, numerator=numerator, denominator=2**exponent
            )


def _add_keys(
    sequence: NoteSequence, tracks: list[TrackEvents], times: TempoMap
) -> None:
    for time, (sharps, mode, *_) in _first_with(tracks, midi.KEY, 2, times):
        sharps -= 256 if sharps > 127 else 0
        if abs(sharps) <= 7 and mode <= 1:
            # A fifth up for each sharp; minor's tonic is a sixth above major's.
            sequence.key_signatures.add(
                time=time, key=(7 * sharps + 9 * mode) % 12, mode=mode
            )


def _joined(columns: list[np.ndarray]) -> np.ndarray:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _text(content: bytes) -> str:
    """A name in UTF-8 or, failing that, Latin-1, which any bytes are."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
