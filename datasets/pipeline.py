"""From pieces to batches: windows, transposition, shuffling, as one tf.data chain.

A batch is `(inputs, targets, weights)`: inputs a dict of int32 `[B, T]` (`tokens`
and features), targets int32 `[B, T]`, weights float32 `[B, T]`, 0 on padding. Only a
piece's real beginning has BOS and only its real end has EOS.
"""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfmusic.datasets.windows import Windows


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
