import numpy as np
import pytest

from tests import goldens, reference
from tfmusic.layers import FNetBlock, FourierMixing


def make(**kwargs):
    block = FNetBlock(intermediate_dim=12, name="block", **kwargs)
    block.build((None, None, goldens.DIM))
    goldens.shake(block)
    return block


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_equals_the_written_out_formula(activation):
    block = make(activation=activation)
    weights = reference.weights_of(block)

    def expected(x):
        y = reference.layer_norm(x, reference.within(weights, "mixer_norm"))
        x = x + reference.fourier_mixing(y)
        y = reference.layer_norm(x, reference.within(weights, "feed_forward_norm"))
        feed_forward = reference.within(weights, "feed_forward")
        return x + reference.feed_forward(y, feed_forward, activation)

    x = goldens.hidden(2, 5)
    np.testing.assert_allclose(block(x), [expected(row) for row in x], atol=1e-5)


def test_its_mixer_follows_its_dtype():
    block = make(dtype="mixed_bfloat16")
    assert isinstance(block.mixer, FourierMixing)
    assert block.mixer.dtype_policy.name == "mixed_bfloat16"
    assert "mixer" not in block.get_config()
