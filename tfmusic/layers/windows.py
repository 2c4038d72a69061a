"""Index arithmetic of attention to a window: pure functions, linear in the time.

Queries stand in blocks, and every block has its own copy of the few keys that it may
see: `P` keys before its first query, and one for each query. Key `P + i` of a block
is query `i` itself.

Axis letters: `T` time, `W` queries of a block, `P` keys before a block, `S = P + W`
keys of a block, `L` relative distances, `H` size of a head.
"""

from keras import ops


def key_windows(x, block_size, num_before):
    """The keys that each block of queries may see.

    Args:
        x: `[..., P + T, H]`, P keys, then those of the queries; T is a multiple of W.
        block_size: W.
        num_before: P, a multiple of W.

    Returns:
        `[..., T/W, P + W, H]`.
    """
    *outer, time, size = ops.shape(x)
    num_back = num_before // block_size
    x = ops.reshape(x, (-1, time // block_size, block_size, size))
    shifted = [x[:, back : back - num_back or None] for back in range(num_back + 1)]
    x = ops.concatenate(shifted, axis=2)  # [*, T/W, P+W, H]
    num_blocks = time // block_size - num_back
    return ops.reshape(x, (*outer, num_blocks, num_before + block_size, size))


def window_mask(first, block_size, num_before):
    """True where a query may see a key: from the first it sees to itself.

    Args:
        first: int32 `[..., T]`, for each query the index of the first key that it
            sees, of the `P + T` keys of `key_windows`; T is a multiple of W.
        block_size: W.
        num_before: P.

    Returns:
        `[..., T/W, W, P + W]`.
    """
    *outer, time = ops.shape(first)
    num_blocks = time // block_size
    first = ops.reshape(first, (*outer, num_blocks, block_size, 1))
    first = first - ops.arange(num_blocks)[:, None, None] * block_size
    keys = ops.arange(num_before + block_size)  # [S]
    itself = num_before + ops.arange(block_size)[:, None]  # [W, 1]
    return (keys >= first) & (keys <= itself)


def relative_to_window(logits, num_before):
    """Reindexes logits from relative distance to the keys of a block, by skewing.

    Row i is to be moved by i columns against the row before. Rows one column longer
    than those of the result do that, when what they hold is read on as if they were
    as long as those: no gather. Entries with a key after the query, or farther than
    the L known distances, are undefined: mask them.

    Args:
        logits: `[..., W, L]`, column c scores the distance `L - 1 - c`.
        num_before: P; L is at most `P + W`, as no key is farther.

    Returns:
        `[..., W, P + W]`, last axis indexed by key.

    Reference:
        [Huang et al., 2018](https://arxiv.org/abs/1809.04281), section 3.4.2.
    """
    *outer, time, known = ops.shape(logits)
    num_keys = num_before + time
    # Query i has itself, the last column, at key num_before + i.
    first = num_before + 1 - known  # key of query 0 whose distance is the longest
    left, skipped = max(first, 0), max(-first, 0)
    no_padding = [[0, 0]] * len(outer)
    logits = ops.pad(
        logits, [*no_padding, [0, 0], [left, num_keys + 1 - known - left]]
    )  # [..., W, S+1]
    logits = ops.reshape(logits, (*outer, time * (num_keys + 1)))
    logits = logits[..., skipped : skipped + time * num_keys]
    return ops.reshape(logits, (*outer, time, num_keys))
