"""Short pieces packed into windows, one behind the other.

Where pieces are much shorter than a window, most of it would be padding. Here the
pieces of a round, in an order drawn for it, make one long stream, which is cut into
windows; a number for each piece, the feature `segment`, keeps attention within it.
"""

import tensorflow as tf

from tfmusic.datasets.pipeline import batches_of_steps
from tfmusic.datasets.windows import Windows
from tfmusic.errors import UserError
from tfmusic.layers.segments import SEGMENT


def packed_training_batches(
    windows: Windows,
    *,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    shard: int = 0,
    num_shards: int = 1,
    rows_per_batch: int | None = None,
) -> tf.data.Dataset:
    """Endless batches of packed windows; batch n is a function of (seed, n) alone.

    A round's stream holds every piece once, each with its BOS and EOS, transposed by
    a number of semitones of its own; its end, too short for a batch, is left out. A
    piece that a window cuts goes on in the next one, without what came before.

    Beside the inputs of `training_batches` there is `segment`, int32 `[B, T]`: 1 for
    the first piece of a window, 2 for the next, 0 for padding.

    Args:
        windows: of the training split.
        batch_size, seed, first_step, shard, num_shards, rows_per_batch: see
            `training_batches`.

    Raises:
        UserError: the windows' augmentation is more than transposition.
    """
    augmentation = windows.augmenter.augmentation
    if augmentation.moves_time or augmentation.velocity:
        raise UserError(
            "packed pieces can be transposed only: --set 'stretches=[1.0]' "
            "--set velocity_shift=0, or --set packing=False"
        )
    length = windows.length
    num_pieces = len(windows.num_inputs)
    total = int(windows.num_inputs.sum())  # inputs of a round
    num_windows = -(-total // length)
    per_round = max(num_windows // batch_size, 1)  # batches
    rows = batch_size // num_shards
    lowest, highest = windows.transpositions.T

    def batch(step):
        round_index = tf.cast(step // per_round, tf.int32)
        order = tf.raw_ops.RandomIndexShuffle(
            index=tf.range(num_pieces, dtype=tf.int64),
            seed=tf.stack([seed, round_index, 0]),
            max_index=tf.constant(num_pieces - 1, tf.int64),
            rounds=4,
        )  # [P]
        chance = tf.random.stateless_uniform(
            [num_pieces], [-1 - seed, round_index], alg="philox"
        )
        choices = tf.cast(highest - lowest + 1, tf.float32)
        semitones = lowest + tf.cast(chance * choices, tf.int32)
        lengths = tf.gather(windows.num_inputs, order)
        ends = tf.cumsum(lengths)  # [P], of the stream
        window = (
            step % per_round * batch_size
            + shard * rows
            + tf.range(rows, dtype=tf.int64)
        )
        window %= num_windows  # where a batch holds more than a round
        place = window[:, tf.newaxis] * length + tf.range(length, dtype=tf.int64)
        here = place < total  # [B, T]
        place = tf.minimum(place, total - 1)
        slot = tf.searchsorted(ends, tf.reshape(place, [-1]), side="right")
        slot = tf.reshape(slot, tf.shape(place))  # of each place's piece in the order
        piece = tf.gather(order, slot)
        within = place - tf.gather(ends - lengths, slot)
        segment = tf.where(here, slot - slot[:, :1] + 1, 0)
        tokens, targets, index = windows.pairs_at(
            piece, within, here, tf.gather(semitones, piece)
        )
        inputs = windows.inputs_at(index, tokens, here)
        return {**inputs, SEGMENT: segment}, targets, tf.cast(here, tf.float32)

    return batches_of_steps(batch, first_step, rows, rows_per_batch)
