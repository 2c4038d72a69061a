"""Index arithmetic of relative attention: pure functions from distance to position.

Axis letters: `T` query time, `S` key time, `L` relative distances, `M` cache rows.
Everywhere, column `c` of `L` columns scores the distance `L - 1 - c`: the first
column is the farthest key, the last is "attend to myself". There is one rule for
keys farther away than the longest distance: they are clipped to it.
"""

from keras import ops


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


def relative_to_cached(logits, position, num_rows):
    """Reindexes logits from relative distance to the rows of a cache.

    Query t stands at `position + t`, row s of the cache at s, so their distance is
    `position + t - s`. Rows s >= position are undefined: mask them. A gather, as its
    indices may be known at run time alone: one graph serves every position and, where
    XLA compiles it, is compiled once. (The start of a slice is a constant to XLA.)

    Args:
        logits: `[B, N, T, L]`, last axis from the farthest to the nearest.
        position: int32 scalar, rows of the cache that are filled, at most M.
        num_rows: M, an integer or an integer tensor.

    Returns:
        `[B, N, T, M]`, last axis indexed by cache row.
    """
    batch, heads, time, known = ops.shape(logits)
    steps = ops.arange(time)[:, None]  # [T, 1]
    distances = position + steps - ops.arange(num_rows)  # [T, M]
    columns = ops.clip(known - 1 - distances, 0, known - 1)
    logits = ops.reshape(logits, (batch, heads, time * known))
    return ops.take(logits, steps * known + columns, axis=-1)  # [B, N, T, M]
