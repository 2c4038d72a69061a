"""Weights in half the bytes: a file of Keras's in float16."""

import h5py
import numpy as np

from tfmusic.errors import UserError

# Below this, a compressed array's index is larger than what compression saves.
_SMALLEST_COMPRESSED = 4096


def write_half_weights(source: str, target: str) -> None:
    """Copies a .weights.h5 file with every float in float16.

    `model.load_weights` reads it as it reads the original: layers, shapes and names are
    checked, and values come back to each variable's own type. They are off by at most
    2^-11 of themselves, or 2^-25. Equal weights make equal bytes.

    Args:
        source: a file of `model.save_weights`.
        target: the file to write.

    Raises:
        UserError: a weight is too large for float16, or not finite.
    """
    with h5py.File(source) as old, h5py.File(target, "w") as new:

        def copy(name, item):
            if isinstance(item, h5py.Group):
                copied = new.require_group(name)
            else:
                copied = new.create_dataset(name, **_storage(_half(name, item[()])))
            copied.attrs.update(item.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)


def _half(name, values):
    if not np.issubdtype(values.dtype, np.floating):
        return values
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if not np.isfinite(half).all():
        raise UserError(f"{name}: a weight is not finite in float16: train again")
    return half


def _storage(values):
    """What `create_dataset` is told of an array."""
    if values.size < _SMALLEST_COMPRESSED:
        return {"data": values}
    # Signs and exponents apart from the digits: the only bytes that repeat.
    packing = {"compression": 9, "shuffle": True, "chunks": values.shape}
    return {"data": values, **packing}
