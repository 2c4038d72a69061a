"""From pieces to batches: windows, transposition, shuffling, as one tf.data chain.

A batch is `(inputs, targets, weights)`: inputs a dict of int32 `[B, T]` (`tokens`
and features), targets int32 `[B, T]`, weights float32 `[B, T]`, 0 on padding. Only a
piece's real beginning has BOS and only its real end has EOS.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

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

    Attributes:
        step: windows begin at its multiples.
        num_uniforms: random numbers that a window takes in training.

    Raises:
        UserError: the pieces hold no notes.
    """

    step = 1
    num_uniforms = 0

    def __init__(
        self,
        pieces: Pieces,
        tokenizer: Tokenizer,
        feature_names: Sequence[str],
        length: int,
    ):
        if not pieces.num_notes.sum():
            raise UserError(
                f"there are no notes in the {len(pieces)} pieces of a split: prepare "
                "a data set with notes in train, validation and test"
            )
        ids = [pieces.piece(index) for index in range(len(pieces))]
        grammar = tokenizer.grammar
        self.length = length
        self.feature_names = tuple(feature_names)
        self.pitched = tokenizer.pitched
        # A piece is BOS, its ids, EOS; it has one input less than that.
        self.num_inputs = np.array([len(piece) + 1 for piece in ids], np.int64)
        self.begins = np.concatenate([[0], np.cumsum(self.num_inputs + 1)[:-1]])
        self.transpositions = np.array(
            [tokenizer.transpose_range(piece) for piece in ids], np.int32
        ).reshape(-1, 2)  # [P, 2], lowest and highest
        flat = [np.concatenate([[BOS], piece, [EOS]]) for piece in ids]
        states = [np.append(grammar.states(piece), 0) for piece in ids]
        self._tokens = np.concatenate(flat).astype(np.int32)
        self._states = np.concatenate(states).astype(np.int32)
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
        steps = tf.range(self.length + 1, dtype=tf.int64)[tf.newaxis]  # [1, T+1]
        left = tf.gather(self.num_inputs, piece) - start  # [B], inputs to the end
        here = steps <= left[:, tf.newaxis]  # [B, T+1]
        index = (tf.gather(self.begins, piece) + start)[:, tf.newaxis] + steps
        tokens, index = self._tokens_at(index, here, semitones)  # [B, T+1]
        filled = here[:, 1:]  # [B, T], the places that have a target
        inputs = {"tokens": tf.where(filled, tokens[:, :-1], PAD)}
        inputs |= self._features_at(index[:, :-1], inputs["tokens"], filled)
        scored = filled & (steps[:, :-1] >= first_scored[:, tf.newaxis])
        return inputs, tokens[:, 1:], tf.cast(scored, tf.float32)

    def cut_for_training(self, piece, start, semitones, uniforms):
        """Cuts a batch of windows, all of them scored: see `cut`.

        Args:
            piece, start, semitones: see `cut`.
            uniforms: float32 `[B, num_uniforms]` in [0, 1).
        """
        return self.cut(piece, start, semitones, tf.zeros_like(start))

    def _tokens_at(self, index, here, semitones):
        """Transposed tokens at int64 `[B, T]`, PAD where not `here`; a safe index."""
        index = tf.minimum(index, len(self._tokens) - 1)
        tokens = tf.where(here, tf.gather(self._tokens, index), PAD)
        pitched = tf.gather(self.pitched, tokens)
        return tokens + tf.where(pitched, semitones[:, tf.newaxis], 0), index

    def _features_at(self, index, tokens, here):
        """The features of `_tokens_at`'s tokens, 0 where not `here`."""
        features = {}
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
    transpose: int,
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
    seen as often as the middle. Each is transposed by up to `transpose` semitones
    within the range that its piece has room for.

    Args:
        windows: of the training split.
        batch_size: windows a step, over all shards.
        transpose: largest shift, in semitones up and down.
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
    lowest = np.maximum(windows.transpositions[:, 0], -transpose)
    highest = np.minimum(windows.transpositions[:, 1], transpose)
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
        low, high = tf.gather(lowest, piece), tf.gather(highest, piece)
        choices = tf.cast(high - low + 1, tf.float32)
        semitones = low + tf.cast(chance[1] * choices, tf.int32)
        # Another key than that of the numbers above: seeds are 0 or more.
        uniforms = tf.random.stateless_uniform(
            [batch_size, windows.num_uniforms],
            [-1 - seed, tf.cast(step, tf.int32)],
            alg="philox",
        )
        return windows.cut_for_training(piece, start, semitones, uniforms[mine])

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
