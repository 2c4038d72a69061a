"""Four voices on the grid of 16ths, one token a voice and step."""

from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.grid import (
    DEFAULT_QPM,
    REST,
    VOICES,
    grid_to_sequence,
    sequence_to_grid,
)
from tfmusic.tokenizers.tokenizer import Tokenizer, register_tokenizer
from tfmusic.tokenizers.vocabulary import EOS, NUM_SPECIAL, EventRange, Vocabulary

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

NUM_VOICES = len(VOICES)
STEPS_PER_BAR = 16


@register_tokenizer
class ChoraleTokenizer(Tokenizer):
    """Serializes four voices step by step: soprano, alto, tenor, bass.

    A token is the pitch that a voice sounds at a 16th, or REST; held and repeated
    notes look alike. The defaults are the range of the standard JSB Chorales data.

    Args:
        min_pitch: lowest MIDI pitch.
        max_pitch: highest MIDI pitch.

    Reference:
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 4.1.
    """

    name = "chorale"
    pitched_ranges = ("PITCH",)

    grid = staticmethod(sequence_to_grid)
    grid_to_sequence = staticmethod(grid_to_sequence)

    def __init__(self, min_pitch: int = 36, max_pitch: int = 81):
        self.min_pitch = min_pitch
        self.max_pitch = max_pitch
        self.options = {"min_pitch": min_pitch, "max_pitch": max_pitch}
        self.vocabulary = Vocabulary(
            [EventRange("REST", 0, 0), EventRange("PITCH", min_pitch, max_pitch)]
        )
        self.grammar = _chorale_grammar(self.vocabulary)
        self.features = {
            "voice": 1 + NUM_VOICES,  # 0 for BOS
            "beat": 1 + STEPS_PER_BAR,  # 0 for BOS
            "pitch": 1 + self.vocabulary.size - NUM_SPECIAL,  # 0 for special ids
        }

    def encode(self, sequence: "NoteSequence") -> np.ndarray:
        """The ids of four-part music; see `sequence_to_grid` for how it is read.

        Returns:
            int32 `[4 * steps]`.

        Raises:
            UserError: more than four pitches sound at once, or a pitch is out of range.
        """
        return self.grid_to_ids(sequence_to_grid(sequence))

    def decode(
        self, ids: np.ndarray, qpm: float = DEFAULT_QPM
    ) -> tuple["NoteSequence", int]:
        """The music of ids, at `qpm` quarters a minute; see `Tokenizer.decode`."""
        grid, num_invalid = self.ids_to_grid(ids)
        return grid_to_sequence(grid, qpm), num_invalid

    def grid_to_ids(self, grid: np.ndarray) -> np.ndarray:
        """The ids of a grid.

        Args:
            grid: int `[steps, 4]`, -1 for rests.

        Returns:
            int32 `[4 * steps]`.

        Raises:
            UserError: a pitch is out of range.
        """
        pitches = np.asarray(grid, np.int32).reshape(-1)  # [4 * steps]
        rests = pitches == REST
        outside = ~rests & ((pitches < self.min_pitch) | (pitches > self.max_pitch))
        if outside.any():
            raise UserError(
                f"pitch {pitches[outside][0]} is outside the tokenizer's range "
                f"{self.min_pitch}..{self.max_pitch}: transpose the music"
            )
        # A rest takes any pitch for the moment, so that all can be encoded at once.
        ids = self.vocabulary.encode("PITCH", np.where(rests, self.min_pitch, pitches))
        return np.where(rests, self.vocabulary.encode("REST", 0), ids).astype(np.int32)

    def ids_to_grid(self, ids: np.ndarray) -> tuple[np.ndarray, int]:
        """The grid of ids, whatever they are.

        Args:
            ids: `[T]`. PAD, EOS and BOS at the ends are ignored; invalid ids are
                skipped; voices that are missing from the last step rest.

        Returns:
            int32 `[ceil(T / 4), 4]` and the number of invalid ids.
        """
        ids, num_invalid = self.music_ids(ids)
        start, _ = self.vocabulary.span("PITCH")
        pitches = np.where(ids < start, REST, ids - start + self.min_pitch)
        pitches = np.pad(pitches, (0, -len(ids) % NUM_VOICES), constant_values=REST)
        return pitches.reshape(-1, NUM_VOICES).astype(np.int32), num_invalid


def _chorale_grammar(vocabulary: Vocabulary) -> Grammar:
    """State 1 + k % 64 follows the token of index k: 4 voices of 16 steps a bar.

    EOS may stand between steps, but not at once after BOS; it leads back to state 0.
    """
    never, eos, music = range(3)
    classes = np.full(vocabulary.size, music, np.int32)
    classes[:NUM_SPECIAL] = never
    classes[EOS] = eos

    bar = NUM_VOICES * STEPS_PER_BAR
    states = np.arange(1 + bar, dtype=np.int32)
    next_state = np.full([len(states), 3], -1, np.int32)
    next_state[:, music] = 1 + states % bar
    next_state[NUM_VOICES::NUM_VOICES, eos] = 0

    index = states[1:] - 1
    zero = np.zeros(1, np.int32)
    pitch = np.arange(vocabulary.size, dtype=np.int32) - (NUM_SPECIAL - 1)
    return Grammar(
        classes=classes,
        next_state=next_state,
        state_features={
            "voice": np.concatenate([zero, 1 + index % NUM_VOICES]),
            "beat": np.concatenate([zero, 1 + index // NUM_VOICES]),
        },
        token_features={"pitch": np.maximum(pitch, 0)},
    )
