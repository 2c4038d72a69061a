"""Variations of music while it is read: other keys, other tempos, other loudness.

All of it acts on ids, in a TensorFlow graph, on a batch at a time; where nothing is
varied ids stay as they are. `B` windows of `S` tokens, `V` ids, `K` transpositions.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.tokenizers import PAD, Tokenizer
from tfmusic.tokenizers.tokenizer import WIDEST_TRANSPOSITION

# The time stretches of performances in the papers that train on them.
STRETCHES = (0.95, 0.975, 1.0, 1.025, 1.05)
MARGIN = 16  # tokens that a window may lose beside those in proportion


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far a window may be varied; by default not at all.

    Attributes:
        transpose: largest shift of pitches, in semitones up and down.
        stretches: factors of all times, one of which is drawn for each window. They
            act on the tokens of time of a performance.
        velocity: largest shift of loudness, in bins of velocity up and down.
        pitch_range: lowest and highest pitch of the instrument, None for any:
            a piece is transposed within it, as far as it has room.

    References:
        [Oore et al., 2018](https://arxiv.org/abs/1808.03715), section 4.1;
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 4.2.
    """

    transpose: int = 0
    stretches: tuple[float, ...] = (1.0,)
    velocity: int = 0
    pitch_range: tuple[int, int] | None = None

    @property
    def moves_time(self) -> bool:
        """Whether any time may be stretched."""
        return set(self.stretches) != {1.0}


class Variation(NamedTuple):
    """What is done to each window of a batch.

    Attributes:
        semitones: int32 `[B]`.
        stretch: float32 `[B]`.
        velocity: int32 `[B]`, bins.
    """

    semitones: tf.Tensor
    stretch: tf.Tensor
    velocity: tf.Tensor


class Augmenter:
    """Draws variations and applies them.

    Args:
        augmentation: how far.
        tokenizer: of the ids.

    Raises:
        UserError: the tokenizer has no ids for what is to be varied.
    """

    def __init__(self, augmentation: Augmentation, tokenizer: Tokenizer):
        self.augmentation = augmentation
        shifts, velocities = tokenizer.time_shift_range, tokenizer.velocity_range
        if augmentation.moves_time and (shifts is None or _has_states(tokenizer)):
            raise UserError(
                f"tokenizer {tokenizer.name} has no tokens of time to stretch: "
                "--set 'stretches=[1.0]'"
            )
        if augmentation.velocity and velocities is None:
            raise UserError(
                f"tokenizer {tokenizer.name} has no velocities: --set velocity_shift=0"
            )
        if not augmentation.stretches or min(augmentation.stretches) < 0.5:
            raise UserError(
                f"stretches={augmentation.stretches}: give factors of 0.5 or more"
            )
        self.changes_length = augmentation.moves_time
        self._size = tokenizer.vocabulary.size
        semitones = range(-WIDEST_TRANSPOSITION, WIDEST_TRANSPOSITION + 1)
        table = np.stack([tokenizer.transposed(number) for number in semitones])
        # A tensor, which a graph refers to: it would copy an array into itself.
        with tf.device("CPU"):
            self._transposed = tf.constant(table.reshape(-1))  # [K * V]
        self._steps = np.zeros(self._size, np.int32)
        if shifts is not None:
            self._first_shift, stop = tokenizer.vocabulary.span(shifts)
            self._longest = stop - self._first_shift
            span = slice(self._first_shift, stop)
            self._steps[span] = np.arange(1, self._longest + 1)
        self._velocities = None
        if augmentation.velocity:
            self._velocities = tokenizer.vocabulary.span(velocities)

    def source_length(self, length: int) -> int:
        """Tokens of a piece that are enough for `length` tokens, stretched."""
        if not self.changes_length:
            return length
        return int(np.ceil(length / min(self.augmentation.stretches))) + MARGIN

    def draw(self, lowest, highest, chance) -> Variation:
        """A variation for each window.

        Args:
            lowest, highest: int32 `[B]`, transpositions that its piece has room for.
            chance: float32 `[3, B]` in [0, 1).
        """
        semitones = lowest + _choose(chance[0], highest - lowest + 1)
        stretches = tf.constant(self.augmentation.stretches, tf.float32)
        most = self.augmentation.velocity
        return Variation(
            semitones,
            tf.gather(stretches, _choose(chance[1], len(self.augmentation.stretches))),
            _choose(chance[2], 2 * most + 1) - most,
        )

    def transpose(self, tokens, semitones):
        """Moves pitches of int32 `[B, S]`; see `Tokenizer.transposed`.

        Args:
            tokens: int32 `[B, S]`.
            semitones: int32 `[B]` or `[B, S]`, within `WIDEST_TRANSPOSITION`.

        Returns:
            int32 `[B, S]`.
        """
        if len(semitones.shape) == 1:
            semitones = semitones[:, tf.newaxis]
        row = semitones + WIDEST_TRANSPOSITION
        return tf.gather(self._transposed, row * self._size + tokens)

    def vary(self, tokens, variation: Variation, length: int):
        """Loudness and tempo of windows.

        Args:
            tokens: int32 `[B, S]`, PAD behind the end.
            variation: its semitones are left to `transpose`.
            length: of what is returned, at most S.

        Returns:
            int32 `[B, length]`, PAD behind the end.
        """
        if self._velocities is not None:
            tokens = self._shift_velocities(tokens, variation.velocity)
        if self.changes_length:
            stretched = self._stretch(tokens, variation.stretch, length)
            same = variation.stretch == 1.0
            return tf.where(same[:, tf.newaxis], tokens[:, :length], stretched)
        return tokens[:, :length]

    def _shift_velocities(self, tokens, shift):
        """As far as the softest and the loudest of a window have room."""
        first, stop = self._velocities
        is_velocity = (tokens >= first) & (tokens < stop)
        softest = tf.reduce_min(tf.where(is_velocity, tokens, stop), axis=1)  # [B]
        loudest = tf.reduce_max(tf.where(is_velocity, tokens, first - 1), axis=1)
        shift = tf.clip_by_value(
            shift,
            tf.minimum(first - softest, 0),
            tf.maximum(stop - 1 - loudest, 0),
        )
        return tokens + tf.where(is_velocity, shift[:, tf.newaxis], 0)

    def _stretch(self, tokens, factor, length):
        """Times of events are multiplied, rounded, and written as tokens again.

        Time that passes before an event is written as shifts of the longest kind and
        a rest, as the tokenizer writes it.
        """
        steps = tf.gather(self._steps, tokens)  # [B, S]
        time = tf.cast(tf.cumsum(steps, axis=1), tf.float32) * factor[:, tf.newaxis]
        time = tf.cast(tf.floor(time + 0.5), tf.int32)
        is_event = (steps == 0) & (tokens != PAD)
        # Events move to the front, E of them, those behind the last being PAD.
        count = tf.cumsum(tf.cast(is_event, tf.int32), axis=1)  # [B, S]
        numbers = 1 + tf.range(tf.shape(tokens)[1])  # of events
        numbers = tf.broadcast_to(numbers, tf.shape(tokens))
        place = tf.searchsorted(count, numbers, side="left")  # [B, S]
        exists = numbers <= count[:, -1:]
        place = tf.minimum(place, tf.shape(tokens)[1] - 1)
        event = tf.gather(tokens, place, batch_dims=1)
        time = tf.gather(time, place, batch_dims=1)
        passed = time - tf.pad(time, [[0, 0], [1, 0]])[:, :-1]
        passed = tf.where(exists, passed, 0)
        shifts = -(-passed // self._longest)  # tokens of time before each event
        end = tf.cumsum(tf.where(exists, shifts + 1, 0), axis=1)  # [B, S]
        # Each place of the result belongs to an event: the first that ends behind it.
        places = tf.broadcast_to(tf.range(length), [tf.shape(tokens)[0], length])
        owner = tf.searchsorted(end, places, side="right")  # [B, length]
        here = places < end[:, -1:]
        owner = tf.minimum(owner, tf.shape(tokens)[1] - 1)
        left = tf.gather(end, owner, batch_dims=1) - 1 - places  # to the event itself
        passed = tf.gather(passed, owner, batch_dims=1)
        shifts = tf.gather(shifts, owner, batch_dims=1)
        rest = passed - (shifts - 1) * self._longest
        shift = tf.where(left == 1, rest, self._longest) + self._first_shift - 1
        event = tf.gather(event, owner, batch_dims=1)
        return tf.where(here, tf.where(left == 0, event, shift), PAD)


def _choose(chance, count):
    """int32: one of `count` numbers from 0, for chances in [0, 1)."""
    count = tf.cast(count, tf.float32)
    return tf.cast(tf.minimum(tf.floor(chance * count), count - 1), tf.int32)


def _has_states(tokenizer: Tokenizer) -> bool:
    """Whether tokens' features depend on more than the token."""
    return len(tokenizer.grammar.next_state) > 1
