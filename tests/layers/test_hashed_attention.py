import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, graphs, reference
from tfmusic.layers import HashedAttention

HEADS, TIME = 2, 13


def make(**kwargs):
    options = {"num_hashes": 3, "num_buckets": 4, "chunk_size": 4, **kwargs}
    layer = HashedAttention(HEADS, 3, **options)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


def projections(x, weights):
    """Queries and values `[N, T, H]` each, not scaled."""
    return (
        np.split(x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"], HEADS, axis=1)
        for name in ("query", "value")
    )


def score(query, now, then):
    key = query[then] / np.linalg.norm(query[then])
    return query[now] @ key / query.shape[1] ** 0.5


def full(x, weights):
    """Shared-query-key attention to all others; to oneself if there is no other."""
    heads = []
    for query, value in zip(*projections(x, weights), strict=True):
        head = []
        for now in range(len(x)):
            others = [then for then in range(len(x)) if then != now] or [now]
            logits = np.array([score(query, now, then) for then in others])
            head.append(reference.softmax(logits) @ value[others])
        heads.append(np.array(head))
    return reference.combination(heads, weights)


def hashed(x, weights, num_hashes, size):
    """The paper's sums over the sets P of all rounds, token by token."""
    rotations = np.split(weights["rotations"], num_hashes, axis=1)
    heads = []
    for query, value in zip(*projections(x, weights), strict=True):
        head = np.zeros_like(value)
        places = []
        for rotation in rotations:
            turned = query @ rotation
            bucket = np.argmax(np.concatenate([turned, -turned], axis=1), axis=1)
            order = sorted(range(len(x)), key=lambda step: (bucket[step], step))
            places.append([order.index(step) for step in range(len(x))])
        for now in range(len(x)):
            pairs = [
                (np.exp(score(query, now, then)), value[then])
                for place in places
                for then in range(len(x))
                if place[now] // size - place[then] // size in (0, 1) and then != now
            ] or [(1.0, value[now])]
            total = sum(weight for weight, _ in pairs)
            head[now] = sum(weight * vector for weight, vector in pairs) / total
        heads.append(head)
    return reference.combination(heads, weights)


@pytest.mark.parametrize("time", [1, 2, TIME])
def test_one_chunk_that_holds_everything_is_full_attention(time):
    layer, x = make(chunk_size=16), goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [full(row, weights) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("time", [4, 5, TIME])
@pytest.mark.parametrize("num_hashes", [1, 3])
@pytest.mark.parametrize("chunk_size", [1, 4])
def test_equals_the_written_out_formula(num_hashes, chunk_size, time):
    layer = make(num_hashes=num_hashes, chunk_size=chunk_size)
    x = goldens.hidden(2, time)
    weights = reference.weights_of(layer)
    expected = [hashed(row, weights, num_hashes, chunk_size) for row in x]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    graph = tf.function(layer.__call__, autograph=False).get_concrete_function(
        tf.TensorSpec([None, None, goldens.DIM])
    )
    np.testing.assert_allclose(graph(tf.constant(x)), expected, atol=1e-5)


def test_tokens_of_like_direction_meet_however_far_apart():
    """The far twin of the last token is in the chunk of few, and moves its output."""
    layer = make(num_hashes=8, num_buckets=16, chunk_size=4)
    x = goldens.hidden(1, 64)
    x[0, 3] = x[0, 63]
    other = x.copy()
    other[0, 3] *= 1.5  # the same direction but for the bias, another value
    assert not np.allclose(layer(x)[0, 63], layer(other)[0, 63], atol=1e-3)


def test_more_rounds_come_closer_to_full_attention():
    x = goldens.hidden(1, 64)
    errors = []
    for num_hashes in (1, 4, 16):
        layer = HashedAttention(1, 8, num_hashes, num_buckets=8, chunk_size=8)
        layer.build((None, None, goldens.DIM))
        whole = HashedAttention(1, 8, chunk_size=64)
        whole.build((None, None, goldens.DIM))
        dense = np.random.default_rng(0)
        for weight, same in zip(
            layer.trainable_weights, whole.trainable_weights, strict=True
        ):
            weight.assign(dense.normal(size=weight.shape))
            same.assign(weight)
        errors.append(np.mean((layer(x) - whole(x)) ** 2))
    assert errors[0] > errors[1] > errors[2]


def test_rotations_are_the_seeds_and_are_saved_but_not_trained():
    layers = [HashedAttention(1, 4, seed=seed) for seed in (0, 0, 1)]
    for layer in layers:
        layer.build((None, None, goldens.DIM))
    first, same, other = (layer.rotations.numpy() for layer in layers)
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)
    paths = [weight.path for weight in layers[0].non_trainable_weights]
    assert paths == [layers[0].rotations.path]


def test_no_tensor_grows_with_the_square_of_time():
    time = 1024
    layer = HashedAttention(1, 4, num_hashes=2, chunk_size=8)
    assert graphs.largest_tensor(layer, (1, time, 4)) <= 2 * time * 2 * 8


def test_dropout_acts_in_training_alone():
    layer, x = make(dropout=0.5), goldens.hidden(2, TIME)
    plain = make()
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), plain(x))
    assert not np.allclose(layer(x, training=True), plain(x))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_hashes": 0}, "num_hashes must be at least 1, got 0"),
        ({"chunk_size": 0}, "chunk_size must be at least 1, got 0"),
        ({"num_buckets": 0}, "even and positive, got 0"),
        ({"num_buckets": 5}, "even and positive, got 5"),
    ],
)
def test_sizes_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
