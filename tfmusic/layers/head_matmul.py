"""A product that TensorFlow 2.21 gets wrong on a CPU."""

from keras import ops


def head_matmul(x, matrices):
    """Multiplies each head by its matrix, or all heads by one.

    `ops.matmul` broadcasts too, but with oneDNN, which TensorFlow uses on a CPU, it
    corrupts memory where there is a single matrix for a batch of rank 4
    (tensorflow issue 117700).

    Args:
        x: `[B, N, T, J]`.
        matrices: `[N, J, K]` or `[1, J, K]`.

    Returns:
        `[B, N, T, K]`.
    """
    if matrices.shape[0] > 1:
        return ops.matmul(x, matrices)
    *outer, size = ops.shape(x)
    y = ops.matmul(ops.reshape(x, (-1, size)), matrices[0])  # [B*N*T, K]
    return ops.reshape(y, (*outer, matrices.shape[2]))
