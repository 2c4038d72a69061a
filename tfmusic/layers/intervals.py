"""Relative pitch and time: what attention hears of two tokens' features."""

import keras
import numpy as np
from keras import ops

# Values of the feature "pitch" below this have no pitch: special ids and rests.
FIRST_PITCH = 2


def interval_logits(query, table, pitches):
    """Logits of queries for keys of every pitch, by the interval between the two.

    Args:
        query: `[B, N, T, H]`, scaled.
        table: `[N, 2*P, H]`: "one of the two has no pitch", then the intervals from
            -(P - 1) to P - 1 of P values of the feature.
        pitches: int32 `[B, T]`, of the queries' tokens.

    Returns:
        `[B, N, T, P]`, last axis indexed by the key's value of the feature.
    """
    num_values = table.shape[1] // 2
    table = ops.cast(table, query.dtype)
    logits = ops.matmul(query, ops.transpose(table, (0, 2, 1)))  # [B, N, T, 2*P]
    without, logits = logits[..., :1], logits[..., 1:]
    pitches = pitches[:, None, :, None]  # [B, 1, T, 1]
    logits = shift_left(logits, num_values - 1 - pitches, num_values - 1)
    logits = logits[..., :num_values]  # [B, N, T, P]
    both = (pitches >= FIRST_PITCH) & (ops.arange(num_values) >= FIRST_PITCH)
    return ops.where(both, logits, without)


def shift_left(x, amounts, largest):
    """Moves each row by an amount of its own: no gather, and none backward.

    Once for each bit of the amounts, all columns move by that power of two or stay.

    Args:
        x: `[..., C]`.
        amounts: int32, broadcast with x, from 0 to `largest`.
        largest: an integer.

    Returns:
        `[..., C]`, column c is column `c + amount` of x, or zero past its end.
    """
    for bit in range(largest.bit_length()):
        size = 1 << bit
        padding = [[0, 0]] * (len(x.shape) - 1) + [[0, size]]
        moved = ops.pad(x[..., size:], padding)
        # Phones have no operation on bits.
        x = ops.where(amounts // size % 2 > 0, moved, x)
    return x


def one_hot(values, num_values, dtype):
    """`[B, 1, T, P]` of int32 `[B, T]`."""
    return ops.cast(values[:, None, :, None] == ops.arange(num_values), dtype)


def num_step_distances(max_distance, tokens_per_step):
    """Distances in steps that tokens less than `max_distance` apart can have."""
    return 1 + (max_distance + tokens_per_step - 2) // tokens_per_step


def step_tables(table, max_distance, tokens_per_step):
    """Embeddings by distance in steps, as tables by distance in tokens.

    Of a query that is the vth token of its step, counted from 0, the key d tokens
    before stands `ceil((d - v) / tokens_per_step)` steps before. So for each v it is
    a table like any other.

    Args:
        table: `[N, S, H]`, the last row is "the same step".
        max_distance: L.
        tokens_per_step: V.

    Returns:
        `[N, V, L, H]`, rows from the farthest to the nearest token.
    """
    heads, num_steps, size = table.shape
    tokens = np.arange(max_distance)[::-1]
    voices = np.arange(tokens_per_step)[:, None]
    steps = -(-np.maximum(tokens - voices, 0) // tokens_per_step)  # [V, L]
    rows = ops.take(table, (num_steps - 1 - steps).reshape(-1), axis=1)
    return ops.reshape(rows, (heads, tokens_per_step, max_distance, size))


def by_voice(query, voices, tokens_per_step):
    """Queries for tables that lie side by side, one for each voice.

    Args:
        query: `[B, N, T, H]`.
        voices: int32 `[B, T]`, from 1; 0 (no voice) counts as 1.
        tokens_per_step: V.

    Returns:
        `[B, N, T, V*H]`, zero but for the voice's own columns.
    """
    batch, heads, time, size = ops.shape(query)
    voices = ops.maximum(voices - 1, 0)
    chosen = one_hot(voices, tokens_per_step, query.dtype)[..., None]
    query = chosen * query[:, :, :, None, :]  # [B, N, T, V, H]
    return ops.reshape(query, (batch, heads, time, tokens_per_step * size))


def table_initializer(key_dim):
    """For embeddings that are scored against queries of size `key_dim`."""
    return keras.initializers.RandomNormal(stddev=key_dim**-0.5)
