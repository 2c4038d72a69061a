import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, packed
from tfmusic.layers import DilatedWindowAttention, RelativeLocalAttention, apply_update

LAYERS = {
    "local": lambda: RelativeLocalAttention(2, 3, block_size=4),
    "dilated": lambda: DilatedWindowAttention(2, 3, window=3, dilation=(1, 2)),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    layer = LAYERS[request.param]()
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


def test_the_cache_is_as_long_as_the_window_whatever_the_music(layer):
    assert layer.cache_kinds == ("state", "state")
    shapes = {
        tuple(tensor.shape) for n in (1, 9, 999) for tensor in layer.init_cache(2, n)
    }
    assert len(shapes) == 1


def test_the_newest_row_of_the_cache_is_the_last(layer):
    x = goldens.hidden(1, 3)
    cache = layer.init_cache(1, 8)
    _, update = layer.extend(x, cache, 0)
    whole = apply_update(cache, update, 0, layer.cache_kinds)
    for position in range(3):
        _, update = layer.extend(x[:, position : position + 1], cache, position)
        cache = apply_update(cache, update, position, layer.cache_kinds)
    for one, other in zip(whole, cache, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert np.any(one[:, :, -3:] != 0) and not np.any(one[:, :, :-3])


def test_music_long_past_does_not_move_what_is_now(layer):
    """Thirty tokens on, nothing is left of the first: not even in one layer's cache."""
    x = goldens.hidden(1, 30)
    other = x.copy()
    other[:, :4] += 1
    np.testing.assert_array_equal(layer(x)[:, -1], layer(other)[:, -1])


LENGTHS = ([1, 13, 9, 7], [5, 6, 11, 8], [30])


@pytest.mark.parametrize("size", [1, 4, 7, 40])
@pytest.mark.parametrize("name", ["local", "dilated"])
def test_segments_are_as_each_alone(name, size):
    """Wherever they begin in the blocks and in the interleaved sequences."""
    if name == "local":
        layer = RelativeLocalAttention(2, 3, block_size=size)
    else:
        layer = DilatedWindowAttention(2, 3, size, dilation=(3, 2))
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    x, segment = goldens.hidden(3, 30), packed.segment(LENGTHS)
    spec = [
        tf.TensorSpec([None, None, goldens.DIM]),
        tf.TensorSpec([None, None], tf.int32),
    ]
    call = tf.function(
        lambda x, segment: layer(x, features={"segment": segment}),
        autograph=False,
        # Where one block holds all of a known time, there is a shorter way.
        input_signature=None if size == 40 else spec,
    )
    y = call(x, segment)
    for row, part in packed.pieces(LENGTHS):
        expected = layer(x[row : row + 1, part])
        np.testing.assert_allclose(y[row : row + 1, part], expected, atol=1e-5)
    assert size == 1 or not np.allclose(y[:2], layer(x)[:2], atol=1e-2)
