import numpy as np
import tensorflow as tf

from benchmarks.gathered_attention import GatheredRelativeAttention


def test_gathered_attention_is_skewed_attention():
    x = tf.random.normal((2, 7, 8))
    layer = GatheredRelativeAttention(num_heads=2, key_dim=4, max_distance=5)
    gathered = layer(x)
    np.testing.assert_allclose(gathered, layer.skewed(x), atol=1e-6)
