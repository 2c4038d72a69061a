import numpy as np

from tests import goldens
from tfmusic.layers import DenseSynthesizer


def test_each_token_alone_says_where_to_look():
    layer = DenseSynthesizer(2, 3, max_length=5)
    layer.build((None, None, goldens.DIM))
    x = goldens.hidden(2, 4)
    other = x.copy()
    other[:, 2] += 1
    logits, others = (layer.position_logits(each, 0).numpy() for each in (x, other))
    assert logits.shape == (2, 2, 4, 5)
    moved = np.any(logits != others, axis=(0, 1, 3))
    assert moved.tolist() == [False, False, True, False]
    # Wherever the tokens stand.
    np.testing.assert_array_equal(layer.position_logits(x, 9), logits)
