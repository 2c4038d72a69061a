"""Products of queries with the rows of a cache, in the way that suits who computes."""

import contextlib
import contextvars

from keras import ops

_elementwise = contextvars.ContextVar("elementwise", default=False)


@contextlib.contextmanager
def elementwise_products():
    """Graphs traced in this context multiply and add up, where there is one query.

    A matrix product is the same sum, but XNNPACK, which computes TFLite graphs on
    processors, rearranges its right-hand side first, each time: of all rows of the
    cache, for a single query. That took longer than all else.
    """
    token = _elementwise.set(True)
    try:
        yield
    finally:
        _elementwise.reset(token)


def row_logits(query, key):
    """`[B, N, T, M]` of `[B, N, T, H]` and `[B, N, M, H]`."""
    if _elementwise.get() and query.shape[2] == 1:
        return ops.expand_dims(ops.sum(query * key, axis=-1), 2)
    return ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))


def row_values(weights, value):
    """`[B, N, T, H]` of `[B, N, T, M]` and `[B, N, M, H]`."""
    if _elementwise.get() and weights.shape[2] == 1:
        weights = ops.transpose(weights, (0, 1, 3, 2))  # [B, N, M, 1]
        return ops.sum(weights * value, axis=2, keepdims=True)
    return ops.matmul(weights, value)
