"""From pieces to batches: windows, transposition, shuffling, as one tf.data chain.

A batch is `(inputs, targets, weights)`: inputs a dict of int32 `[B, T]` (`tokens`
and features), targets int32 `[B, T]`, weights float32 `[B, T]`, 0 on padding. Only a
piece's real beginning has BOS and only its real end has EOS.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfmusic.datasets.augment import Augmentation, Augmenter
from tfmusic.datasets.pieces import Pieces
from tfmusic.errors import UserError
from tfmusic.tokenizers import BOS, EOS, PAD, Tokenizer


class Windows:
    """The pieces of a split, ready to be cut into windows inside a TensorFlow graph.

    Features are those of the whole piece, found before anything is cut: a window
    can't recover its beat. `P` pieces, `B` windows of `T` tokens.

    Args:
        pieces: of one split.
        tokenizer: that made them.
        feature_names: features that the model takes.
        length: T.
        augmentation: how training varies them.

    Attributes:
        step: windows begin at its multiples.
        num_uniforms: random numbers that a window takes in training.
        num_inputs: int64 `[P]`, of each piece: its tokens and BOS.
        begins: int64 `[P]`, where each piece's BOS stands among all tokens.
        transpositions: int32 `[P, 2]`, the lowest and the highest of each piece.

    Raises:
        UserError: the pieces hold no notes, or the tokenizer has no ids for what is
            to be varied.
    """

    step = 1
    num_uniforms = 0

    def __init__(
        self,
        pieces: Pieces,
        tokenizer: Tokenizer,
        feature_names: Sequence[str],
        length: int,
        augmentation: Augmentation = Augmentation(),  # noqa: B008, it is frozen
    ):
        if not pieces.num_notes.sum():
            raise UserError(
                f"there are no notes in the {len(pieces)} pieces of a split: prepare "
                "a data set with notes in train, validation and test"
            )
        self.length = length
        self.feature_names = tuple(feature_names)
        self.augmenter = Augmenter(augmentation, tokenizer)
        # A piece is BOS, its ids, EOS; it has one input less than that.
        self.num_inputs = np.diff(pieces.offsets) + 1
        self.begins = pieces.offsets[:-1] + 2 * np.arange(len(pieces))
        self.transpositions = np.zeros([len(pieces), 2], np.int32)
        grammar = tokenizer.grammar
        num_states = len(grammar.next_state)
        tokens = np.empty(pieces.num_tokens + 2 * len(pieces), pieces.ids.dtype)
        # Of a single state nothing needs to be kept.
        states = np.zeros(len(tokens) if num_states > 1 else 1, np.int32)
        for index, begin in enumerate(self.begins):
            ids = pieces.piece(index)
            tokens[begin] = BOS
            tokens[begin + 1 : begin + 1 + len(ids)] = ids
            tokens[begin + 1 + len(ids)] = EOS
            if num_states > 1:
                states[begin : begin + len(ids) + 1] = grammar.states(ids)
            if augmentation.transpose:
                room = tokenizer.transpose_range(ids, augmentation.pitch_range)
                most = augmentation.transpose
                self.transpositions[index] = max(room[0], -most), min(room[1], most)
        # Tensors, which a graph refers to: it would copy arrays into itself.
        with tf.device("CPU"):
            self._tokens = tf.constant(tokens)
            self._states = tf.constant(states)
        self._state_features = grammar.state_features
        self._token_features = grammar.token_features

    def cut(self, piece, start, semitones, first_scored):
        """Cuts a batch of windows.

        Args:
            piece: int64 `[B]`, index of the piece.
            start: int64 `[B]`, first input of the window within its piece.
            semitones: int32 `[B]`, transposition.
            first_scored: int64 `[B]`, weights before this input of the window are 0.

        Returns:
            A batch.
        """
        tokens, index = self._tokens_from(piece, start, self.length + 1)
        tokens = self.augmenter.transpose(tokens, semitones)
        return self._batch(tokens, index[:, :-1], first_scored)

    def cut_for_training(self, piece, start, variation, uniforms):
        """Cuts a batch of windows and varies them; all of them are scored.

        Args:
            piece, start: see `cut`.
            variation: a `Variation`.
            uniforms: float32 `[B, num_uniforms]` in [0, 1).
        """
        source_length = self.augmenter.source_length(self.length + 1)
        tokens, index = self._tokens_from(piece, start, source_length)
        tokens = self.augmenter.transpose(tokens, variation.semitones)
        tokens = self.augmenter.vary(tokens, variation, self.length + 1)
        # Where lengths change, no feature depends on the index.
        return self._batch(tokens, index[:, : self.length], tf.zeros_like(start))

    def pairs_at(self, piece, place, here, semitones):
        """Inputs and targets of any places, each of a piece of its own.

        Args:
            piece: int64 `[B, T]`.
            place: int64 `[B, T]`, of the input within its piece.
            here: bool `[B, T]`; elsewhere is PAD.
            semitones: int32 `[B, T]`, transposition.

        Returns:
            int32 `[B, T]` twice, and the inputs' index for `inputs_at`.
        """
        index = tf.gather(self.begins, piece) + place
        tokens, index = self._tokens_at(index, here)
        targets, _ = self._tokens_at(index + 1, here)
        transpose = self.augmenter.transpose
        return transpose(tokens, semitones), transpose(targets, semitones), index

    def inputs_at(self, index, tokens, here):
        """A model's inputs: tokens `[B, T]` and their features, 0 where not `here`."""
        return {"tokens": tokens, **self._features_at(index, tokens, here)}

    def _tokens_from(self, piece, start, count):
        """int32 `[B, count]`, PAD behind the piece's end, and where they stand."""
        steps = tf.range(count, dtype=tf.int64)[tf.newaxis]
        left = tf.gather(self.num_inputs, piece) - start  # [B], inputs to the end
        here = steps <= left[:, tf.newaxis]
        index = (tf.gather(self.begins, piece) + start)[:, tf.newaxis] + steps
        return self._tokens_at(index, here)

    def _batch(self, tokens, index, first_scored):
        """A batch of the tokens `[B, T + 1]`; those before the last at `[B, T]`."""
        targets = tokens[:, 1:]
        filled = targets != PAD  # the places that have a target
        inputs = {"tokens": tf.where(filled, tokens[:, :-1], PAD)}
        inputs |= self._features_at(index, inputs["tokens"], filled)
        steps = tf.range(self.length, dtype=tf.int64)[tf.newaxis]
        scored = filled & (steps >= first_scored[:, tf.newaxis])
        return inputs, targets, tf.cast(scored, tf.float32)

    def _tokens_at(self, index, here):
        """int32 tokens at int64 `[B, T]`, PAD where not `here`; a safe index."""
        index = tf.minimum(index, len(self._tokens) - 1)
        tokens = tf.cast(tf.gather(self._tokens, index), tf.int32)
        return tf.where(here, tokens, PAD), index

    def _features_at(self, index, tokens, here):
        """The features of `_tokens_at`'s tokens, 0 where not `here`."""
        features = {}
        if len(self._states) == 1:
            index = tf.zeros_like(index)
        states = tf.gather(self._states, index)
        for name in self.feature_names:
            if name in self._state_features:
                values = tf.gather(self._state_features[name], states)
            else:
                values = tf.gather(self._token_features[name], tokens)
            features[name] = tf.where(here, values, 0)
        return features


def training_batches(
    windows: Windows,
    *,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    shard: int = 0,
    num_shards: int = 1,
    rows_per_batch: int | None = None,
) -> tf.data.Dataset:
    """Endless batches of random windows; batch n is a function of (seed, n) alone.

    In each round every piece gives as many windows as it has lengths of T, in an
    order shuffled anew. A window starts anywhere (at a multiple of `windows.step`),
    half a window's overhang clipped at either end, so that beginnings and endings are
    seen as often as the middle. Each is varied as `windows.augmenter` draws it.

    Args:
        windows: of the training split.
        batch_size: windows a step, over all shards.
        seed: of all random choices.
        first_step: index of the first batch; a resumed run gives its step.
        shard: which `batch_size / num_shards` rows of each step to give.
        num_shards: number of shards.
        rows_per_batch: rows of an element, where a step's rows come as several of
            them, one for each replica; by default all of the shard's.
    """
    length = windows.length
    per_piece = -(-windows.num_inputs // length)  # windows a round
    piece_of_slot = np.repeat(np.arange(len(per_piece)), per_piece)
    num_slots = len(piece_of_slot)
    last_start = np.maximum(windows.num_inputs - length, 0)
    rows = batch_size // num_shards

    def batch(step):
        # The whole batch's choices, then this shard's rows: sharding changes nothing.
        example = step * batch_size + tf.range(batch_size, dtype=tf.int64)  # [B]
        round_index = tf.cast(example // num_slots, tf.int32)
        seeds = tf.stack(
            [tf.fill([batch_size], seed), round_index, tf.zeros_like(round_index)],
            axis=1,
        )  # [B, 3]
        # tf.random.experimental.index_shuffle pads a matrix of seeds on both axes.
        slot = tf.raw_ops.RandomIndexShuffle(
            index=example % num_slots,
            seed=seeds,
            max_index=tf.constant(num_slots - 1, tf.int64),
            rounds=4,
        )
        chance = tf.random.stateless_uniform(
            [2, batch_size], [seed, tf.cast(step, tf.int32)], alg="philox"
        )
        mine = slice(shard * rows, (shard + 1) * rows)
        piece, chance = tf.gather(piece_of_slot, slot)[mine], chance[:, mine]
        start = tf.cast(
            chance[0] * tf.cast(tf.gather(windows.num_inputs, piece), tf.float32),
            tf.int64,
        )
        start = tf.clip_by_value(
            start - length // 2, tf.zeros_like(start), tf.gather(last_start, piece)
        )
        start -= start % windows.step
        # Keys that others don't have: of the numbers above both parts are 0 or more.
        more = tf.random.stateless_uniform(
            [2, batch_size], [seed, -1 - tf.cast(step, tf.int32)], alg="philox"
        )
        uniforms = tf.random.stateless_uniform(
            [batch_size, windows.num_uniforms],
            [-1 - seed, tf.cast(step, tf.int32)],
            alg="philox",
        )
        room = tf.gather(windows.transpositions, piece)  # [B, 2]
        chance = tf.concat([chance[1:], more[:, mine]], axis=0)  # [3, B]
        variation = windows.augmenter.draw(room[:, 0], room[:, 1], chance)
        return windows.cut_for_training(piece, start, variation, uniforms[mine])

    return batches_of_steps(batch, first_step, rows, rows_per_batch)


def batches_of_steps(
    batch: Callable, first_step: int, rows: int, rows_per_batch: int | None
) -> tf.data.Dataset:
    """Endless batches, each a function of its step.

    Args:
        batch: makes, of an int64 scalar, a batch of `rows`.
        first_step: index of the first batch.
        rows: in a batch.
        rows_per_batch: rows of an element, where they come as several.
    """
    # A range of steps has no state beyond its position, and cutting is cheap enough
    # to be one parallel map; prefetching keeps the accelerator from waiting for it.
    steps = tf.data.Dataset.range(first_step, np.iinfo(np.int64).max)
    batches = steps.map(batch, num_parallel_calls=tf.data.AUTOTUNE)
    if rows_per_batch and rows_per_batch != rows:
        batches = batches.unbatch().batch(rows_per_batch, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def evaluation_batches(
    windows: Windows, *, batch_size: int, stride: int
) -> tf.data.Dataset:
    """Batches in which every target of every piece is scored exactly once.

    A piece longer than a window is covered by windows `stride` apart; each scores
    only what the one before did not, so that all but a piece's first T targets have
    at least `T - stride` tokens before them.

    Args:
        windows: of any split.
        batch_size: windows a batch; the last batch is filled with weights of 0.
        stride: between 1 and T.
    """
    cuts = np.array(list(_cover(windows, stride)), np.int64)  # [W, 3]
    missing = -len(cuts) % batch_size
    nothing = np.repeat([[0, 0, windows.length]], missing, axis=0)
    cuts = np.concatenate([cuts, nothing])

    def batch(cut):
        piece, start, first_scored = cut[:, 0], cut[:, 1], cut[:, 2]
        return windows.cut(piece, start, tf.zeros([batch_size], tf.int32), first_scored)

    dataset = tf.data.Dataset.from_tensor_slices(cuts)
    dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.map(batch, num_parallel_calls=2).prefetch(2)


def _cover(windows: Windows, stride: int) -> Iterator[tuple[int, int, int]]:
    """(piece, start, first scored input) of windows that score everything once."""
    for piece, num_inputs in enumerate(windows.num_inputs):
        start, scored = 0, 0
        while scored < num_inputs:
            yield piece, start, scored - start
            scored = min(start + windows.length, num_inputs)
            start = min(start + stride, max(num_inputs - windows.length, 0))
