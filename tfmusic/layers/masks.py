"""Who may attend to whom."""

import contextlib
import contextvars

from keras import ops

# Added nowhere, only selected: exp underflows to an exact zero in float32.
MASKED = -1e9
_masked = contextvars.ContextVar("masked", default=MASKED)


def mask_logits(logits, mask):
    """The logits where the mask is true; elsewhere one that gets no weight."""
    return ops.where(mask, logits, _masked.get())


@contextlib.contextmanager
def masked_as(value):
    """Graphs traced in this context mask with another logit than -1e9.

    An integer graph has 256 steps from the least to the largest logit: with -1e9
    among them, all others would be equal. It must be low enough for a weight near
    zero.
    """
    token = _masked.set(value)
    try:
        yield
    finally:
        _masked.reset(token)


def causal_mask(time):
    """`[T, T]`, true where the key is not after the query.

    Args:
        time: T, an integer or an integer tensor.
    """
    steps = ops.arange(time)
    return steps[:, None] >= steps[None, :]


def segment_mask(starts):
    """`[B, 1, T, T]`, true where key and query are of one segment.

    Args:
        starts: int32 `[B, T]`, where each token's segment begins.
    """
    return starts[:, None, :, None] == starts[:, None, None, :]


def filled_mask(position, rows):
    """`[1, M]`, true for the rows of a cache that are filled.

    Args:
        position: int32 scalar, rows filled.
        rows: int32 `[M]`, their numbers from 0 on.
    """
    return (rows < position)[None, :]
