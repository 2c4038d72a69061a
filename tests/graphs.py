"""What traced graphs hold."""


def largest_tensor(graph):
    """The number of elements of a graph's largest tensor of known shape."""
    return max(
        out.shape.num_elements() or 0
        for operation in graph.get_operations()
        for out in operation.outputs
        if out.shape.rank is not None
    )
