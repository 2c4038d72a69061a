"""Index arithmetic of relative attention: pure functions from distance to position.

Axis letters: `T` query time, `S` key time, `L` relative distances, `M` cache rows.
Everywhere, column `c` of `L` columns scores the distance `L - 1 - c`: the first
column is the farthest key, the last is "attend to myself". There is one rule for
keys farther away than the longest distance: they are clipped to it.
"""

from typing import NamedTuple

import tensorflow as tf
from keras import ops

from tfmusic.layers.head_matmul import head_matmul


class DistanceTerm(NamedTuple):
    """What a relative attention adds by distance, rows from the farthest to 0.

    Attributes:
        query: `[B, N, T, G]`, scored against `key` for the logits.
        key: `[N, L, G]`, or one head's for all: `[1, L, G]`.
        value: None, or `[N, L, H]` or `[1, L, H]`, added to the values.
    """

    query: object
    key: object
    value: object = None


def distance_logits(term, num_distances):
    """float32 `[B, N, T, L]`: queries against the nearest `num_distances` rows.

    All rows where `num_distances` is a tensor or there are not so many; see
    `clip_distances`.
    """
    table = ops.cast(term.key, term.query.dtype)  # [N, L, G]
    known = table.shape[1]
    if isinstance(num_distances, int) and num_distances < known:
        table = table[:, known - num_distances :]
    logits = head_matmul(term.query, ops.transpose(table, (0, 2, 1)))
    return ops.cast(logits, "float32")


def distance_values(term, weights):
    """`[B, N, T, H]`, values by distance of weights `[B, N, T, L]` by distance."""
    table = clip_rows(ops.cast(term.value, weights.dtype), ops.shape(weights)[-1])
    return head_matmul(weights, table)


def clip_rows(table, num_distances):
    """As `clip_distances`, for the rows of a table `[N, L, C]`."""
    return ops.swapaxes(clip_distances(ops.swapaxes(table, 1, 2), num_distances), 1, 2)


def clip_distances(logits, num_distances):
    """Makes exactly `num_distances` columns: the nearest, or the farthest repeated.

    Args:
        logits: `[..., L]`, last axis from the farthest to the nearest.
        num_distances: an integer, or an integer tensor.

    Returns:
        `[..., num_distances]`.
    """
    known = ops.shape(logits)[-1]
    if isinstance(num_distances, int) and isinstance(known, int):
        if num_distances <= known:
            return logits[..., known - num_distances :]
        missing = num_distances - known
    else:
        missing = ops.maximum(num_distances - known, 0)
        logits = logits[..., ops.maximum(known - num_distances, 0) :]
    farthest = logits[..., :1]
    repeats = [1] * (len(logits.shape) - 1) + [missing]
    return ops.concatenate([ops.tile(farthest, repeats), logits], axis=-1)


def relative_to_absolute(logits):
    """Reindexes logits from relative distance to key position ("skewing").

    Pad one column on the left, reshape, drop one row; no gather and no
    `[T, T, H]` tensor. Entries with key > query are undefined: mask them.

    Args:
        logits: `[B, N, T, T]`, last axis from the farthest to the nearest.

    Returns:
        `[B, N, T, T]`, last axis indexed by key position.

    Reference:
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 3.4.1.
    """
    batch, heads, time, _ = ops.shape(logits)
    logits = ops.pad(logits, [[0, 0], [0, 0], [0, 0], [1, 0]])  # [B, N, T, T+1]
    logits = ops.reshape(logits, (batch, heads, time + 1, time))
    return logits[:, :, 1:, :]  # [B, N, T, T]


def relative_to_cached(logits, position, rows):
    """Reindexes logits from relative distance to the rows of a cache.

    Query t stands at `position + t`, row s of the cache at s, so their distance is
    `position + t - s`. Rows s >= position are undefined: mask them. A gather, as its
    indices may be known at run time alone: one graph serves every position and, where
    XLA compiles it, is compiled once. (The start of a slice is a constant to XLA.)

    Args:
        logits: `[B, N, T, L]`, last axis from the farthest to the nearest.
        position: int32 scalar, rows of the cache that are filled, at most M.
        rows: int32 `[M]`, their numbers from 0 on.

    Returns:
        `[B, N, T, M]`, last axis indexed by cache row.
    """
    batch, heads, time, known = ops.shape(logits)
    steps = ops.arange(time)[:, None]  # [T, 1]
    distances = position + steps - rows  # [T, M]
    columns = ops.clip(known - 1 - distances, 0, known - 1)
    logits = ops.reshape(logits, (batch, heads, time * known))
    # No index is negative, which Keras's `take` would look for.
    return tf.gather(logits, steps * known + columns, axis=-1)  # [B, N, T, M]


def absolute_to_relative(weights):
    """Reindexes from key position to relative distance: the transpose of skewing.

    Args:
        weights: `[B, N, T, T]`, zero where key > query.

    Returns:
        `[B, N, T, T]`, last axis from the farthest to the nearest.
    """
    batch, heads, time, _ = ops.shape(weights)
    weights = ops.pad(weights, [[0, 0], [0, 0], [1, 0], [0, 0]])  # [B, N, T+1, T]
    weights = ops.reshape(weights, (batch, heads, time, time + 1))
    return weights[..., 1:]  # [B, N, T, T]


def cached_to_relative(weights, position, num_distances):
    """Reindexes from the rows of a cache to relative distance, by a gather.

    Args:
        weights: `[B, N, T, M]`, zero for rows s >= position.
        position: int32 scalar, rows of the cache that are filled, at most M.
        num_distances: L, at least `M + T`.

    Returns:
        `[B, N, T, L]`, last axis from the farthest to the nearest.
    """
    batch, heads, time, num_rows = ops.shape(weights)
    steps = ops.arange(time)[:, None]  # [T, 1]
    distances = num_distances - 1 - ops.arange(num_distances)
    rows = position + steps - distances  # [T, L]
    known = (rows >= 0) & (rows < position)
    rows = ops.clip(rows, 0, num_rows - 1)
    weights = ops.reshape(weights, (batch, heads, time * num_rows))
    weights = ops.take(weights, steps * num_rows + rows, axis=-1)  # [B, N, T, L]
    return ops.where(known, weights, 0.0)
