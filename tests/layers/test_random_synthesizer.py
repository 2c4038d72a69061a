import numpy as np

from tests import goldens
from tfmusic.layers import RandomSynthesizer


def make():
    layer = RandomSynthesizer(2, 3, max_length=5)
    layer.build((None, None, goldens.DIM))
    return layer


def test_tokens_do_not_say_where_to_look():
    layer, x = make(), goldens.hidden(2, 3)
    logits = layer.position_logits(x, 0)
    assert logits.shape == (1, 2, 3, 5)  # one for all of the batch
    np.testing.assert_array_equal(layer.position_logits(x + 1, 0), logits)


def test_queries_past_the_last_position_are_the_last():
    layer, x = make(), goldens.hidden(2, 3)
    later = layer.position_logits(x, 7)
    last = layer.position_logits(x, 4)[:, :, :1]
    np.testing.assert_array_equal(later, np.repeat(last, 3, axis=2))
