"""Heads of a hidden vector: parts of it that mix on their own."""

from keras import ops


def split_heads(x, num_heads):
    """`[B, N, T, H]` of `[B, T, N*H]`."""
    batch, time, width = ops.shape(x)
    x = ops.reshape(x, (batch, time, num_heads, width // num_heads))
    return ops.transpose(x, (0, 2, 1, 3))


def join_heads(x):
    """`[B, T, N*H]` of `[B, N, T, H]`."""
    batch, heads, time, size = ops.shape(x)
    x = ops.transpose(x, (0, 2, 1, 3))  # [B, T, N, H]
    return ops.reshape(x, (batch, time, heads * size))


def one_hot_values(query):
    """Values that name their tokens: what attention makes of them is its weights.

    Args:
        query: `[B, N, T, H]`.

    Returns:
        float32 `[B, N, T, T]`.
    """
    batch, heads, time, _ = ops.shape(query)
    return ops.broadcast_to(ops.eye(time), (batch, heads, time, time))
