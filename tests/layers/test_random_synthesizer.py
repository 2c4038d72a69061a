import numpy as np

from tests import goldens
from tfmusic.layers import RandomSynthesizer


def test_tokens_do_not_say_where_to_look():
    """Whatever the tokens are, a query likes the same positions.

    Values hear the first number alone, so that a change of others moves weights only.
    """
    layer = RandomSynthesizer(2, 3, max_length=5)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    kernel = np.zeros([goldens.DIM, 6])
    kernel[0] = 1
    layer.value_dense.kernel.assign(kernel)
    x = goldens.hidden(1, 4)
    other = x.copy()
    other[0, -1, 1:] += 1
    same = np.allclose(layer(x)[0, -1], layer(other)[0, -1], atol=1e-6)
    assert same


def test_logits_of_later_positions_are_those_of_the_last():
    layer = RandomSynthesizer(2, 3, max_length=5)
    layer.build((None, None, goldens.DIM))
    x = goldens.hidden(2, 3)
    logits = layer.position_logits(x, 7)
    assert logits.shape == (1, 2, 3, 5)
    np.testing.assert_array_equal(logits, layer.position_logits(x, 4 if False else 9))
