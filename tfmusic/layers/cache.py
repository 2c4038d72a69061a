"""The memory of a decoder between steps."""

import tensorflow as tf
from keras import ops


def apply_update(cache, update, position, kinds, jit_compile=False):
    """The cache after a step: new rows written at `position`, states replaced.

    Args:
        cache: nested tuple of tensors; "rows" have their M rows on axis -2.
        update: the same nesting; "rows" hold T new rows, "state" the new state.
        position: int32 scalar, rows already filled; `position + T <= M`.
        kinds: the same nesting of "rows" and "state".
        jit_compile: whether XLA compiles this. Then it writes in place; elsewhere
            its operation is slow, and servers without XLA do not run it.

    Returns:
        The same nesting as `cache`.
    """
    write = _write_in_place if jit_compile else _write
    return tf.nest.map_structure(
        lambda kind, old, new: (
            write(old, new, position) if kind == "rows" else _replace(old, new)
        ),
        kinds,
        cache,
        update,
    )


def row_numbers(logits):
    """Numbers the rows of a cache: 0, 1, ..., M - 1.

    Where M is not static, by a running sum over some M numbers: an interpreter of
    TFLite then knows the shape before it runs, and that of all that depends on it.
    What has a shape that it learns on the way, as a range up to M has, is kept from
    its fast kernels.

    Args:
        logits: `[..., M]`, of whatever numbers.

    Returns:
        int32 `[M]`.
    """
    if logits.shape[-1] is not None:
        return ops.arange(logits.shape[-1])
    some = logits[(0,) * (len(logits.shape) - 1)]  # [M]
    ones = 1 - ops.cast(some > some, "int32")
    return tf.cumsum(ones, exclusive=True)


def _replace(old, new):
    """`new` as `old` is, since a loop's variables keep their shapes and dtypes."""
    return tf.ensure_shape(ops.cast(new, old.dtype), old.shape)


def _write_in_place(old, new, position):
    """Writes `new` [..., T, H] over the rows of `old` [..., M, H] at `position`."""
    starts = [0] * (old.shape.rank - 2) + [position, 0]
    return ops.slice_update(old, tf.stack(starts), ops.cast(new, old.dtype))


def _write(old, new, position):
    """The same as a selection: a copy, but of plain operations."""
    time = new.shape[-2]
    index = ops.arange(ops.shape(old)[-2]) - position  # [M], rows of `new`
    is_new = (index >= 0) & (index < time)
    if time > 1:  # else it is broadcast
        new = ops.take(new, ops.clip(index, 0, time - 1), axis=-2)  # [..., M, H]
    return ops.where(is_new[:, None], ops.cast(new, old.dtype), old)
