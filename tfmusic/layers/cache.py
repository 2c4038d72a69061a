"""The memory of a decoder between steps."""

import tensorflow as tf
from keras import ops


def apply_update(cache, update, position, kinds):
    """The cache after a step: new rows written at `position`, states replaced.

    Args:
        cache: nested tuple of tensors; "rows" have their M rows on axis -2.
        update: the same nesting; "rows" hold T new rows, "state" the new state.
        position: int32 scalar, rows already filled; `position + T <= M`.
        kinds: the same nesting of "rows" and "state".

    Returns:
        The same nesting as `cache`.
    """
    return tf.nest.map_structure(
        lambda kind, old, new: _write(old, new, position) if kind == "rows" else new,
        kinds,
        cache,
        update,
    )


def _write(old, new, position):
    """Writes `new` [..., T, H] over the rows of `old` [..., M, H] at `position`."""
    starts = [0] * (old.shape.rank - 2) + [position, 0]
    return ops.slice_update(old, tf.stack(starts), ops.cast(new, old.dtype))
