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
    `position + t - s`. Rows s >= position are undefined: mask them. Only padding,
    slicing and reshaping with a start that may be known at run time alone, so that
    one graph serves every position.

    Args:
        logits: `[B, N, T, M + T]`, last axis from the farthest to the nearest.
        position: int32 scalar, rows of the cache that are filled, at most M.
        num_rows: M, an integer or an integer tensor.

    Returns:
        `[B, N, T, M]`, last axis indexed by cache row.
    """
    batch, heads, time, _ = ops.shape(logits)
    # Query t's row 0 is column `num_rows - position + time - 1 - t`. In rows of
    # `width` columns laid end to end, each next query starts `width - 1` later.
    width = 2 * num_rows + time
    start = num_rows - position + time - 1
    logits = ops.pad(logits, [[0, 0], [0, 0], [0, 0], [0, num_rows]])
    if time == 1:
        return ops.slice(logits, (0, 0, 0, start), (batch, heads, 1, num_rows))
    logits = ops.reshape(logits, (batch, heads, time * width))
    logits = ops.pad(logits, [[0, 0], [0, 0], [0, num_rows]])
    size = time * (width - 1)
    logits = ops.slice(logits, (0, 0, start), (batch, heads, size))
    logits = ops.reshape(logits, (batch, heads, time, width - 1))
    return logits[..., :num_rows]  # [B, N, T, M]
