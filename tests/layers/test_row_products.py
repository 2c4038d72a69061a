import numpy as np
import pytest
import tensorflow as tf

from tfmusic.layers import row_products

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("time", [1, 3])
@pytest.mark.parametrize("num_rows", [1, 6])
def test_both_ways_are_matrix_products(time, num_rows):
    query, key, value = (
        RNG.normal(size=(2, 3, size, 4)).astype("float32")
        for size in (time, num_rows, num_rows)
    )
    logits = query @ key.swapaxes(2, 3)  # [B, N, T, M]
    for context in (row_products.elementwise_products(), None):
        if context:
            context.__enter__()
        by_rows = row_products.row_logits(query, key)
        values = row_products.row_values(tf.constant(logits), value)
        if context:
            context.__exit__(None, None, None)
        np.testing.assert_allclose(by_rows, logits, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(values, logits @ value, rtol=1e-4, atol=1e-5)


def operations(time):
    spec = tf.TensorSpec([1, 2, time, 4])
    rows = tf.TensorSpec([1, 2, None, 4])
    function = tf.function(row_products.row_logits).get_concrete_function(spec, rows)
    return {node.op for node in function.graph.as_graph_def().node}


def test_one_query_of_a_device_needs_no_matrix_product():
    with row_products.elementwise_products():
        assert "Mul" in operations(1) and not operations(1) & {"BatchMatMulV2"}
        assert "BatchMatMulV2" in operations(2)
    assert "BatchMatMulV2" in operations(1)
