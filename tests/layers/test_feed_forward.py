import numpy as np
import pytest

from tests import goldens, reference
from tfmusic.layers import FeedForward


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_equals_the_written_out_formula(activation):
    layer = FeedForward(12, activation)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    x = goldens.hidden(2, 5)
    expected = reference.feed_forward(x, reference.weights_of(layer), activation)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_each_position_stands_for_itself():
    layer = goldens.make("FeedForward")
    x = goldens.hidden(1, 6)
    np.testing.assert_allclose(layer(x[:, 2:3]), layer(x)[:, 2:3], atol=1e-6)


def test_is_built_by_its_first_call():
    layer = FeedForward(12)
    assert layer(goldens.hidden(1, 2)).shape == (1, 2, goldens.DIM)
    assert [tuple(weight.shape) for weight in layer.weights] == [
        (goldens.DIM, 12),
        (12,),
        (12, goldens.DIM),
        (goldens.DIM,),
    ]


def test_an_unknown_activation_is_an_error():
    with pytest.raises(ValueError, match="hum"):
        FeedForward(12, "hum").build((None, None, goldens.DIM))
