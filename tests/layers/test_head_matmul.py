import numpy as np
import pytest
import tensorflow as tf

from tfmusic.layers.head_matmul import head_matmul


@pytest.mark.parametrize("heads, matrices", [(3, 3), (3, 1), (1, 1)])
def test_products_head_by_head(heads, matrices):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, heads, 24, 3)).astype("float32")
    tables = generator.normal(size=(matrices, 3, 4)).astype("float32")
    expected = np.zeros((2, heads, 24, 4))
    for batch, head in np.ndindex(2, heads):
        expected[batch, head] = x[batch, head] @ tables[head % matrices]
    graph = tf.function(head_matmul).get_concrete_function(
        tf.TensorSpec([None, heads, None, 3]), tf.TensorSpec(tables.shape)
    )
    x, tables = tf.constant(x), tf.constant(tables)
    for _ in range(20):  # memory that was corrupted shows by and by
        np.testing.assert_allclose(head_matmul(x, tables), expected, atol=1e-5)
        np.testing.assert_allclose(graph(x, tables), expected, atol=1e-5)
