import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, graphs, reference
from tfmusic.layers import CausalMultiHeadAttention, RandomFeatureAttention
from tfmusic.layers.random_feature_attention import orthogonal_normals

TIME = 11


def make(num_features=6, chunk_size=4, **kwargs):
    layer = RandomFeatureAttention(2, 3, num_features, chunk_size, **kwargs)
    layer.build((None, None, goldens.DIM))
    return layer


def naive(x, weights, num_heads):
    """Each query's features times each earlier key's: quadratic in time."""
    query, key, value = reference.projections(x, weights, num_heads)
    key_dim = query.shape[-1]
    query, key = query * key_dim**0.25, key * key_dim**-0.25
    heads = np.zeros_like(query)
    for head, w in enumerate(weights["projection"]):  # [F, H]
        for now in range(len(x)):
            scores = np.zeros(now + 1)
            for then in range(now + 1):
                of_query = np.exp(
                    w @ query[head, now] - query[head, now] @ query[head, now] / 2
                )
                of_key = np.exp(
                    w @ key[head, then] - key[head, then] @ key[head, then] / 2
                )
                scores[then] = of_query @ of_key
            heads[head, now] = scores @ value[head, : now + 1] / scores.sum()
    return reference.combination(heads, weights)


@pytest.mark.parametrize("chunk_size", [1, 4, 64])
@pytest.mark.parametrize("time", [1, 4, TIME])
def test_equals_the_quadratic_form_of_the_same_features(time, chunk_size):
    layer = make(chunk_size=chunk_size)
    goldens.shake(layer)
    x = goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [naive(row, weights, 2) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-4)
    graph = tf.function(layer.__call__, autograph=False).get_concrete_function(
        tf.TensorSpec([None, None, goldens.DIM])
    )
    np.testing.assert_allclose(graph(tf.constant(x)), expected, atol=1e-4)


def test_a_single_head():
    layer = RandomFeatureAttention(1, 3, num_features=6)
    layer.build((None, None, goldens.DIM))
    x = goldens.hidden(2, 24)
    weights = reference.weights_of(layer)
    expected = [naive(row, weights, 1) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-4)


def test_more_features_come_closer_to_softmax_attention():
    exact = CausalMultiHeadAttention(2, 4)
    exact.build((None, None, goldens.DIM))
    x = goldens.hidden(4, TIME) / 2
    errors = []
    for num_features in (8, 128, 2048):
        layer = RandomFeatureAttention(2, 4, num_features)
        layer.build((None, None, goldens.DIM))
        layer.set_weights([layer.projection.numpy(), *exact.get_weights()])
        errors.append(np.sqrt(np.mean((layer(x) - exact(x)) ** 2)))
    assert errors[1] < errors[0] / 2 and errors[2] < errors[1] / 2
    assert errors[2] < 0.03 * np.std(exact(x))


def test_random_features_are_the_seeds_and_are_saved_but_not_trained():
    layer, other = make(), make(seed=1)
    np.testing.assert_array_equal(layer.projection, make().projection)
    assert not np.allclose(layer.projection, other.projection)
    assert [w.path for w in layer.non_trainable_weights] == [layer.projection.path]


def test_features_are_orthogonal_normals():
    w = orthogonal_normals(2, 150, 50, seed=0)
    assert w.shape == (2, 150, 50)
    products = w[:, :50] @ np.swapaxes(w[:, :50], 1, 2)
    lengths = np.linalg.norm(w, axis=-1)
    np.testing.assert_allclose(
        products, np.eye(50) * lengths[:, :50, None] ** 2, atol=1e-10
    )
    assert np.mean(lengths**2) == pytest.approx(50, rel=0.1)
    assert np.std(lengths) > 0.5
    assert abs(np.mean(w)) < 0.03


@pytest.mark.parametrize("scale", [0, 1e3, 1e6])
def test_outputs_and_gradients_stay_finite(scale):
    layer, x = make(), tf.constant(goldens.hidden(2, TIME) * scale)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert np.all(np.isfinite(y))
    assert np.all(np.isfinite(tape.gradient(y, x)))


def test_a_large_heads_features_stay_finite():
    """A key along w has the largest feature, exp(|w|^2 / 2): infinite in float32."""
    layer = RandomFeatureAttention(1, 256, num_features=8)
    layer.build((None, None, 256))
    kernel = np.concatenate([np.eye(256)] * 3, axis=1)
    layer.query_key_value.kernel.assign(kernel)
    x = layer.projection[None, 0] * 256**0.25  # [1, F, H]
    assert np.all(np.isfinite(layer(x)))


def test_sums_are_exact_in_bfloat16():
    """Sums of thousands of steps in bfloat16 would stop growing at 256."""
    layer = make(dtype="mixed_bfloat16")
    layer.query_key_value.kernel.assign(np.zeros([goldens.DIM, 18]))
    x = tf.zeros([1, 1, goldens.DIM])
    cache = layer.init_cache(1, 7, dtype="bfloat16")
    assert cache[0].dtype == tf.float32
    for position in range(3):
        _, cache = layer.extend(tf.tile(x, [1, 1000, 1]), cache, position * 1000)
    np.testing.assert_allclose(cache[0][..., -1], np.full([1, 2, 6], 3000), rtol=1e-5)


def test_no_tensor_grows_with_the_square_of_time():
    time = 1024
    layer = RandomFeatureAttention(1, 4, num_features=8)
    assert graphs.largest_tensor(layer, (1, time, 4)) <= 64 * time


def test_the_cache_does_not_grow_with_time():
    layer = make()
    assert layer.cache_kinds == ("state",)
    for max_length in (1, 4096):
        assert [x.shape for x in layer.init_cache(5, max_length)] == [(5, 2, 6, 4)]


@pytest.mark.parametrize("name", ["num_features", "chunk_size"])
def test_sizes_are_positive(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        make(**{name: 0})
