"""How sequences and tables of distances are cut into blocks, and added up in them.

Axis letters: `B` batch, `N` heads, `T` time, `C` any size, `L` distances; `n` blocks
of length `b`.
"""

import tensorflow as tf
from keras import ops

from tfmusic.layers import masks, relative


def to_blocks(x, num_blocks, block_size):
    """`[n, B, N, b, C]` of `[B, N, T, C]`, with zeros behind T."""
    batch, heads, time, size = ops.shape(x)
    missing = num_blocks * block_size - time
    x = tf.pad(x, [[0, 0], [0, 0], [0, missing], [0, 0]])
    x = ops.reshape(x, (batch, heads, num_blocks, block_size, size))
    return ops.transpose(x, (2, 0, 1, 3, 4))


def table_to_blocks(table, num_blocks, block_size):
    """`[n + 1, N, b, C]` of a table `[N, L, C]` from the farthest to the nearest.

    Clipped to `n * b` distances; the last block stands for keys after the query,
    which are masked. Two blocks in a row, from `n - 1 - (i - j)`, hold all distances
    of the ith block of queries and the jth of keys.
    """
    table = relative.clip_rows(table, num_blocks * block_size)
    heads, _, size = ops.shape(table)
    table = tf.pad(table, [[0, 0], [0, block_size], [0, 0]])
    table = ops.reshape(table, (heads, num_blocks + 1, block_size, size))
    return ops.transpose(table, (1, 0, 2, 3))


def block_to_absolute(logits):
    """Skewing for a block of b queries and a block of b keys.

    Args:
        logits: `[B, N, b, 2*b]`, column c scores distance `offset + b - 1 - c`,
            where offset is how far the first query is from the first key.

    Returns:
        `[B, N, b, b]`, last axis indexed by key.
    """
    batch, heads, size, _ = ops.shape(logits)
    logits = ops.reshape(logits, (batch, heads, 2 * size * size))
    logits = logits[:, :, size - 1 : size - 1 + size * (2 * size - 1)]
    logits = ops.reshape(logits, (batch, heads, size, 2 * size - 1))
    return logits[..., :size]  # [B, N, b, b]


def block_to_relative(weights):
    """The transpose of `block_to_absolute`: `[B, N, b, 2*b]` of `[B, N, b, b]`."""
    batch, heads, size, _ = ops.shape(weights)
    weights = ops.pad(weights, [[0, 0], [0, 0], [0, 0], [0, size - 1]])
    weights = ops.reshape(weights, (batch, heads, size * (2 * size - 1)))
    weights = ops.pad(weights, [[0, 0], [0, 0], [size - 1, 1]])
    return ops.reshape(weights, (batch, heads, size, 2 * size))


def block_to_halves(weights):
    """`block_to_relative` in two: of a pair's first block and of its next.

    Args:
        weights: `[B, N, b, b]`, last axis indexed by key.

    Returns:
        `[B, N, b, b]` twice, last axis by distance.
    """
    batch, heads, size, _ = ops.shape(weights)
    lower = masks.causal_mask(size)
    far = relative.absolute_to_relative(tf.where(lower, weights, 0.0))
    near = tf.where(lower, 0.0, weights)[..., 1:]  # [B, N, b, b - 1]
    near = ops.reshape(near, (batch, heads, size * (size - 1)))
    near = ops.pad(near, [[0, 0], [0, 0], [0, size]])
    return far, ops.reshape(near, (batch, heads, size, size))


def pair(table_blocks, first):
    """`[N, 2*b, C]`: two blocks of a table, the one at `first` and the next."""
    return tf.concat([table_blocks[first], table_blocks[first + 1]], axis=-2)


def add(array, index, x):
    """The array of blocks with x added to one of them."""
    return array.write(index, array.read(index) + x)


def add_columns(array, index, x):
    """Adds `[B, N, C, b]`, summed over the batch, to a block of a table, transposed."""
    x = tf.reduce_sum(x, axis=0)
    if array.element_shape[0] == 1:  # one table for all heads
        x = tf.reduce_sum(x, axis=0, keepdims=True)
    return add(array, index, x)


def add_pair(array, first, x):
    """Adds `[B, N, C, 2*b]`, summed over the batch, to two blocks, transposed."""
    one, two = tf.split(x, 2, axis=-1)
    return add_columns(add_columns(array, first, one), first + 1, two)
