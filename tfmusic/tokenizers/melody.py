"""A melody on the grid of 16ths: a pitch begins, goes on, or there is a rest."""

from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.music.note_arrays import NoteArrays, add_notes, note_arrays
from tfmusic.tokenizers.beats import DEFAULT_QPM, STEPS_PER_QUARTER
from tfmusic.tokenizers.events import last_place, spread
from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.grid import CHOIR_PROGRAM, REST, VELOCITY, to_steps
from tfmusic.tokenizers.key import semitones_to_c
from tfmusic.tokenizers.tokenizer import Tokenizer, register_tokenizer
from tfmusic.tokenizers.vocabulary import EOS, NUM_SPECIAL, EventRange, Vocabulary

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

STEPS_PER_BAR = 16


@register_tokenizer
class MelodyTokenizer(Tokenizer):
    """Writes one token a 16th: NOTE where a pitch begins, HOLD, or REST.

    The form of recurrent and small transformer models of the Essen folk songs.

    Args:
        transpose_to_c: encode transposes music to C major or A minor (or another mode
            without accidentals), by the key signature, else by an estimate of the key.
        min_pitch: lowest MIDI pitch, after transposition.
        max_pitch: highest MIDI pitch.

    Raises:
        UserError: the pitches are no range of MIDI's.
    """

    name = "melody"
    pitched_ranges = ("NOTE",)

    def __init__(
        self, transpose_to_c: bool = True, min_pitch: int = 36, max_pitch: int = 96
    ):
        if not 0 <= min_pitch <= max_pitch <= 127:
            raise UserError(
                "min_pitch and max_pitch must be a range of 0 to 127, not "
                f"{min_pitch} and {max_pitch}"
            )
        self.transpose_to_c = transpose_to_c
        self.min_pitch = min_pitch
        self.max_pitch = max_pitch
        self.options = {
            "transpose_to_c": transpose_to_c,
            "min_pitch": min_pitch,
            "max_pitch": max_pitch,
        }
        self.vocabulary = Vocabulary(
            [
                EventRange("HOLD", 0, 0),
                EventRange("REST", 0, 0),
                EventRange("NOTE", min_pitch, max_pitch),
            ]
        )
        self.grammar = _melody_grammar(self.vocabulary)
        self.features = {"beat": 1 + STEPS_PER_BAR}  # 0 for BOS

    def encode(self, sequence: "NoteSequence") -> np.ndarray:
        """The ids of the melody, as long as the sequence's total time.

        The melody is the highest of the notes that sound at the start of each 16th
        ("skyline"); a note too short to be there is left out. Drums are left out.

        Returns:
            int32 `[steps]`.

        Raises:
            UserError: a pitch is out of range.
        """
        pitches, begins = read_melody(sequence)
        sounds = pitches != REST
        if self.transpose_to_c:
            durations = np.bincount(pitches[sounds] % 12, minlength=12)
            pitches = pitches + sounds * semitones_to_c(sequence, durations)
        outside = sounds & ((pitches < self.min_pitch) | (pitches > self.max_pitch))
        if outside.any():
            raise UserError(
                f"pitch {pitches[outside][0]} is outside the tokenizer's range "
                f"{self.min_pitch}..{self.max_pitch}: transpose the music"
            )
        encode = self.vocabulary.encode
        ids = np.full(len(pitches), encode("REST", 0), np.int32)
        ids[sounds] = encode("HOLD", 0)
        ids[begins] = encode("NOTE", pitches[begins])
        return ids

    def decode(
        self, ids: np.ndarray, qpm: float = DEFAULT_QPM
    ) -> tuple["NoteSequence", int]:
        """The music of ids, at `qpm` quarters a minute; see `Tokenizer.decode`.

        A HOLD of nothing, at first or after a REST, is invalid and takes no time.
        Transposed music gets the key signature without accidentals, so that it is
        not transposed again.
        """
        from tfmusic.music.note_sequence import NoteSequence  # it takes a second

        ids, num_invalid = self.music_ids(ids)
        hold, rest = (
            self.vocabulary.encode("HOLD", 0),
            self.vocabulary.encode("REST", 0),
        )
        place = last_place(ids != hold)  # of what a HOLD holds
        valid = np.append(ids, rest)[place] != rest
        valid |= ids == rest
        num_invalid += int(np.sum(~valid))
        ids = ids[valid]

        events = np.flatnonzero(ids != hold)
        ends = np.append(events, len(ids))[1:]
        notes = ids[events] != rest
        start, _ = self.vocabulary.span("NOTE")
        pitch = (ids[events[notes]] - start + self.min_pitch).astype(np.int32)
        constant = np.ones(len(pitch), np.int32)
        seconds_per_step = 60.0 / qpm / STEPS_PER_QUARTER
        sequence = NoteSequence(
            ticks_per_quarter=220, total_time=len(ids) * seconds_per_step
        )
        sequence.tempos.add(qpm=qpm)
        if self.transpose_to_c:
            sequence.key_signatures.add(key=NoteSequence.KeySignature.C)
        arrays = NoteArrays(
            pitch=pitch,
            velocity=VELOCITY * constant,
            start=events[notes] * seconds_per_step,
            end=ends[notes] * seconds_per_step,
            program=CHOIR_PROGRAM * constant,
            instrument=0 * constant,
            is_drum=constant < 0,
        )
        add_notes(sequence, arrays)
        return sequence, num_invalid


def read_melody(sequence: "NoteSequence") -> tuple[np.ndarray, np.ndarray]:
    """The highest of the notes that sound at the start of each 16th, without drums.

    Returns:
        int32 `[steps]`, the pitch or REST, and bool `[steps]`, true where it begins: a
        note begins there, or it comes to the surface.
    """
    notes = note_arrays(sequence)
    notes = notes.take(~notes.is_drum)
    starts = np.maximum(to_steps(sequence, notes.start), 0)
    ends = to_steps(sequence, notes.end)
    num_steps = max([0, *ends, *to_steps(sequence, [sequence.total_time])])
    # Written over each other: the highest last and, of one pitch, the last to begin.
    order = np.lexsort((starts, notes.pitch))
    order = order[starts[order] < ends[order]]
    starts, lengths = starts[order], (ends - starts)[order]
    owner, within = spread(lengths)
    top = np.full(num_steps, -1)
    top[starts[owner] + within] = owner
    pitches = np.append(notes.pitch[order], np.int32(REST))[top]
    begins = np.append(starts, -1)[top] == np.arange(num_steps)
    begins |= np.diff(pitches, prepend=REST) != 0
    return pitches, begins & (pitches != REST)


def _melody_grammar(vocabulary: Vocabulary) -> Grammar:
    """State 1 + 2 * beat + 1 follows a note or HOLD on that beat, one less a REST.

    HOLD may not follow BOS or REST. EOS may not stand at once after BOS; it leads back
    to state 0.
    """
    never, eos, hold, rest, note = range(5)
    classes = np.full(vocabulary.size, note, np.int32)
    classes[:NUM_SPECIAL] = never
    classes[EOS] = eos
    classes[vocabulary.encode("HOLD", 0)] = hold
    classes[vocabulary.encode("REST", 0)] = rest

    beat = np.concatenate([[0], np.repeat(1 + np.arange(STEPS_PER_BAR), 2)])
    resting = 1 + 2 * (beat % STEPS_PER_BAR)  # the state after a REST
    next_state = np.full([len(beat), 5], -1, np.int32)
    next_state[1:, eos] = 0
    next_state[:, rest] = resting
    next_state[:, note] = resting + 1
    next_state[2::2, hold] = resting[2::2] + 1
    return Grammar(
        classes=classes,
        next_state=next_state,
        state_features={"beat": beat.astype(np.int32)},
        token_features={},
    )
