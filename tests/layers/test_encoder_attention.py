import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tfmusic.layers import BidirectionalAttention
from tfmusic.layers.encoder_attention import EncoderAttention


@pytest.fixture
def layer():
    layer = EncoderAttention(2, 4)
    layer.build((None, None, goldens.DIM))
    return layer


def test_it_has_no_order_of_time_and_no_cache(layer):
    assert not layer.causal
    assert layer.cache_kinds == ()
    with pytest.raises(NotImplementedError):
        layer.init_cache(1, 4)
    with pytest.raises(NotImplementedError):
        layer.extend(tf.zeros([1, 1, goldens.DIM]), (), 0)


def test_there_are_no_blocks_to_choose():
    assert "block_size" not in EncoderAttention(2, 4).get_config()
    with pytest.raises(TypeError, match="block_size"):
        BidirectionalAttention(2, 4, max_distance=3, block_size=2)


def test_equal_logits_are_the_mean_of_all_values(layer):
    value = np.random.default_rng(0).normal(size=(1, 2, 5, 4)).astype("float32")
    layer.output_dense.kernel.assign(np.eye(goldens.DIM))
    y = layer._weigh(tf.zeros([1, 2, 5, 5]), value, training=False)
    expected = np.concatenate(list(value[0].mean(axis=1)))  # [N*H]
    np.testing.assert_allclose(y[0], np.tile(expected, (5, 1)), atol=1e-6)
