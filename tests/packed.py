"""Windows of several pieces, for tests that segments keep them apart."""

import numpy as np
import tensorflow as tf

TIME = 20
# Lengths of the pieces in each row of a batch.
LENGTHS = ([7, 1, 12], [3, 9, 8])


def segment(lengths=LENGTHS):
    """int32 `[B, T]`; only neighbors differ, so that numbers come again."""
    return np.array(
        [np.repeat(np.arange(len(row)) % 2, row) for row in lengths], np.int32
    )


def pieces(lengths=LENGTHS):
    """Row and slice of each piece."""
    return [
        (row, slice(stop - length, stop))
        for row, of_row in enumerate(lengths)
        for stop, length in zip(np.cumsum(of_row), of_row, strict=True)
    ]


def alone(inputs, row, part):
    """One piece's inputs, without the others."""
    return tf.nest.map_structure(lambda x: x[row : row + 1, part], inputs)


def one_piece_changed(inputs, change, lengths=LENGTHS):
    """For each piece of the first row, the inputs with all of it changed."""
    for row, part in pieces(lengths):
        if row == 0:
            changed = inputs.copy()
            changed[row, part] = change(changed[row, part])
            yield part, changed
