import numpy as np
import pytest

from tests import goldens, graphs, reference
from tfmusic.layers import ShawAttention, apply_update

MAX_DISTANCE, TIME = 4, 9


@pytest.fixture(scope="module")
def layer():
    layer = ShawAttention(2, 3, max_distance=MAX_DISTANCE)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


@pytest.mark.parametrize("time", [1, MAX_DISTANCE - 1, MAX_DISTANCE, TIME])
def test_equals_the_written_out_formula(layer, time):
    x = goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [reference.shaw_attention(row, weights, 2) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_values_by_distance_are_clipped_in_steps_as_well(layer):
    x = goldens.hidden(1, TIME)
    cache = layer.init_cache(1, 2 * TIME)
    for position in range(TIME):
        y, update = layer.extend(x[:, position : position + 1], cache, position)
        cache = apply_update(cache, update, position, layer.cache_kinds)
        np.testing.assert_allclose(y[:, 0], layer(x)[:, position], atol=1e-5)


def test_no_tensor_holds_an_embedding_for_each_pair():
    time, size = 16, 64
    layer = ShawAttention(1, size, max_distance=time)
    assert graphs.largest_tensor(layer, (1, time, 4)) < time * time * size


def test_a_distance_is_needed():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        ShawAttention(2, 3, max_distance=0)
