"""What every tokenizer does, and how one is named, saved and compared."""

import abc
import hashlib
import inspect
import json
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tfmusic.errors import UserError
from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.vocabulary import NUM_SPECIAL, Vocabulary

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence

TOKENIZERS: dict[str, type["Tokenizer"]] = {}
WIDEST_TRANSPOSITION = 127  # semitones: what lies between the pitches of MIDI


class Tokenizer(abc.ABC):
    """Turns a NoteSequence into ids and back. `T` tokens, `V` ids.

    A subclass sets the attributes in its `__init__`, whose arguments are its
    options, and is listed by `register_tokenizer`.

    Attributes:
        name: the tokenizer's name, one for each subclass.
        options: the arguments that make this very tokenizer again.
        vocabulary: what ids mean.
        grammar: which ids may follow which, and the features of each token.
        features: name -> number of values, for all of the grammar's features.
        pitched_ranges: names of the vocabulary's ranges whose values are pitches.
        time_shift_range: name of the range whose values are lengths of time in steps,
            1 and more; None where time is a grid. A change of tempo acts on it.
        velocity_range: name of the range of velocity bins, the softest first; None
            where there are none. A change of loudness acts on it.
    """

    name: str
    options: dict[str, int | float | str | bool]
    vocabulary: Vocabulary
    grammar: Grammar
    features: dict[str, int]
    pitched_ranges: tuple[str, ...]
    time_shift_range: str | None = None
    velocity_range: str | None = None

    @abc.abstractmethod
    def encode(self, sequence: "NoteSequence") -> np.ndarray:
        """The ids of a piece of music, without BOS and EOS.

        Returns:
            int32 `[T]`.

        Raises:
            UserError: this tokenizer has no ids for this music.
        """

    @abc.abstractmethod
    def decode(self, ids: np.ndarray) -> tuple["NoteSequence", int]:
        """The music of ids, whatever they are: it never raises on a model's output.

        Args:
            ids: `[T]`; PAD, EOS and BOS at the ends are ignored.

        Returns:
            The music, and the number of invalid ids, which were skipped.
        """

    def music_ids(self, ids: np.ndarray) -> tuple[np.ndarray, int]:
        """What `decode` reads: events alone.

        Args:
            ids: `[T]`, any integers.

        Returns:
            int64 ids of events, without PAD, EOS and BOS at the ends and without
            invalid ids, and the number of these.
        """
        ids = np.asarray(ids, np.int64)
        music = np.flatnonzero((ids < 0) | (ids >= NUM_SPECIAL))
        ids = ids[music[0] : music[-1] + 1] if len(music) else ids[:0]
        valid = (ids >= NUM_SPECIAL) & (ids < self.vocabulary.size)
        return ids[valid], len(ids) - int(valid.sum())

    @cached_property
    def pitched(self) -> np.ndarray:
        """bool `[V]`: the ids that stand for pitches."""
        pitched = np.zeros(self.vocabulary.size, bool)
        for name in self.pitched_ranges:
            pitched[slice(*self.vocabulary.span(name))] = True
        return pitched

    @cached_property
    def _pitches(self) -> np.ndarray:
        """int32 `[V, 3]`: the pitch of each pitched id, its range's lowest, highest."""
        pitches = np.zeros([self.vocabulary.size, 3], np.int32)
        for event_range in self.vocabulary.ranges:
            if event_range.name in self.pitched_ranges:
                start, stop = self.vocabulary.span(event_range.name)
                lowest, highest = event_range.min_value, event_range.max_value
                pitches[start:stop, 0] = np.arange(lowest, highest + 1)
                pitches[start:stop, 1:] = lowest, highest
        return pitches

    def transpose_range(
        self, ids: np.ndarray, pitch_range: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """The lowest and highest transpositions that keep all pitches in range.

        Args:
            ids: `[T]`.
            pitch_range: the lowest and the highest pitch of the instrument, where it
                has fewer than the vocabulary; a pitch that is outside moves no
                farther.

        Returns:
            Semitones, both included; (0, 0) where nothing is pitched.
        """
        ids = np.asarray(ids, np.int32)
        ids = ids[self.pitched[ids]]
        if not len(ids):
            return 0, 0
        pitch, lowest, highest = self._pitches[ids].T
        if pitch_range:
            lowest = np.minimum(np.maximum(lowest, pitch_range[0]), pitch)
            highest = np.maximum(np.minimum(highest, pitch_range[1]), pitch)
        return int((lowest - pitch).max()), int((highest - pitch).min())

    def transposed(self, semitones: int) -> np.ndarray:
        """The id that each id becomes under transposition.

        A pitch that would leave its range stays as it is, and so does all that has
        no pitch. This table is all that transposition is: a tokenizer whose other
        ids move too overrides it.

        Args:
            semitones: beyond `WIDEST_TRANSPOSITION`, up or down, no pitch moves.

        Returns:
            int32 `[V]`.
        """
        ids = np.arange(self.vocabulary.size, dtype=np.int32)
        pitch, lowest, highest = self._pitches.T
        moved = pitch + semitones
        fits = self.pitched & (moved >= lowest) & (moved <= highest)
        return np.where(fits, ids + semitones, ids).astype(np.int32)

    def transpose(self, ids: np.ndarray, semitones: int) -> np.ndarray:
        """Moves all pitches, see `transposed`; 0 returns the input itself.

        Args:
            ids: `[T]`.
            semitones: within `transpose_range(ids)`.

        Returns:
            int32 `[T]`.

        Raises:
            ValueError: a pitch would leave the vocabulary's range.
        """
        if semitones == 0:
            return ids
        lowest, highest = self.transpose_range(ids)
        if not lowest <= semitones <= highest:
            raise ValueError(f"{semitones} semitones is outside {lowest}..{highest}")
        return self.transposed(semitones)[np.asarray(ids, np.int32)]

    def to_json(self) -> str:
        """All that ids depend on, as stable text."""
        data = {
            "name": self.name,
            "options": self.options,
            "vocabulary": self.vocabulary.to_dict(),
            "grammar": self.grammar.to_dict(),
            "features": self.features,
        }
        return json.dumps(data, sort_keys=True)

    @cached_property
    def hash(self) -> str:
        """8 hexadecimal digits that change with anything that ids depend on."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:8]


def register_tokenizer(tokenizer_class: type[Tokenizer]) -> type[Tokenizer]:
    """Lists a class in TOKENIZERS under its name (a class decorator)."""
    TOKENIZERS[tokenizer_class.name] = tokenizer_class
    return tokenizer_class


def get_tokenizer(name: str, **options) -> Tokenizer:
    """A tokenizer by name.

    Args:
        name: one of TOKENIZERS.
        **options: the tokenizer's own arguments.

    Raises:
        UserError: no tokenizer has this name, or it has not these arguments.
    """
    if name not in TOKENIZERS:
        known = ", ".join(sorted(TOKENIZERS))
        raise UserError(f"no tokenizer is named {name!r}: choose from {known}")
    parameters = dict(inspect.signature(TOKENIZERS[name]).parameters)
    for key, value in options.items():
        if key not in parameters:
            known = ", ".join(parameters) or "it has none"
            raise UserError(f"tokenizer {name} has no option {key!r}: {known}")
        kind = type(parameters[key].default)
        if type(value) is not kind:  # exactly: to isinstance, True is an integer
            raise UserError(
                f"tokenizer {name}: {key} is {value!r}, expected {kind.__name__}"
            )
    try:
        return TOKENIZERS[name](**options)
    except ValueError as error:
        raise UserError(f"tokenizer {name} with {options}: {error}") from error


def tokenizer_from_json(text: str) -> Tokenizer:
    """The tokenizer that `to_json` described.

    Raises:
        UserError: the text isn't a tokenizer's, or this version's tokenizer of that
            name has other ids.
    """
    try:
        data = json.loads(text)
        tokenizer = TOKENIZERS[data["name"]](**data["options"])
    except (ValueError, KeyError, TypeError):
        raise UserError(
            "this isn't the JSON of a tokenizer of this version: prepare the data again"
        ) from None
    if json.loads(tokenizer.to_json()) != data:
        raise UserError(
            f"the saved tokenizer {tokenizer.name} is another version's, its ids are "
            f"not those of {tokenizer.name} ({tokenizer.hash}): prepare the data again"
        )
    return tokenizer


def check_same(
    tokenizer_a: Tokenizer, tokenizer_b: Tokenizer, what_a: str, what_b: str
) -> None:
    """Checks that two things speak of the same ids.

    Args:
        tokenizer_a: the first thing's tokenizer.
        tokenizer_b: the second's.
        what_a: names the first thing to the user, such as "the model in out/run".
        what_b: names the second.

    Raises:
        UserError: the hashes differ.
    """
    if tokenizer_a.hash != tokenizer_b.hash:
        raise UserError(
            f"{what_a} has tokenizer {tokenizer_a.name} ({tokenizer_a.hash}), but "
            f"{what_b} has {tokenizer_b.name} ({tokenizer_b.hash}): use the same one"
        )
