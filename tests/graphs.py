"""What traced graphs hold."""

import tensorflow as tf


def largest_tensor(layer, shape):
    """The number of elements of the largest tensor in a layer's graph of a shape."""
    function = tf.function(layer.__call__, autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec(shape)).graph
    return max(
        out.shape.num_elements() or 0
        for operation in graph.get_operations()
        for out in operation.outputs
        if out.shape.rank is not None
    )
