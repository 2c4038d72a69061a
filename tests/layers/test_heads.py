import numpy as np

from tfmusic.layers.heads import join_heads, split_heads


def test_heads_are_neighboring_parts_of_the_vector():
    x = np.arange(2 * 3 * 8, dtype="float32").reshape(2, 3, 8)
    heads = split_heads(x, 2).numpy()
    assert heads.shape == (2, 2, 3, 4)
    np.testing.assert_array_equal(heads[:, 0], x[..., :4])
    np.testing.assert_array_equal(heads[:, 1], x[..., 4:])
    np.testing.assert_array_equal(join_heads(heads), x)
