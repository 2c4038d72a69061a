import numpy as np
import pytest

from tests import goldens, reference
from tfmusic.layers import ConcatenatedSinusoids


@pytest.mark.parametrize("dim", [1, 5, 8])
def test_equals_the_written_out_formula(dim):
    layer = ConcatenatedSinusoids()
    layer.build((None, None, dim))
    goldens.shake(layer)
    x = np.random.default_rng(0).normal(size=(2, 40, dim))
    weights = reference.weights_of(layer)
    expected = [reference.concatenated_sinusoids(row, weights) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
