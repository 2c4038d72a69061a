import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, graphs, reference
from tfmusic.layers import (
    CausalMultiHeadAttention,
    RelativeGlobalAttention,
    apply_update,
)

MAX_DISTANCE, TIME = 4, 9


@pytest.fixture(scope="module")
def layer():
    layer = RelativeGlobalAttention(2, 3, max_distance=MAX_DISTANCE)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


@pytest.fixture(scope="module")
def x():
    return goldens.hidden(2, TIME)


@pytest.fixture(scope="module")
def expected(layer, x):
    weights = reference.weights_of(layer)
    return np.array([reference.attention(row, weights, 2) for row in x])


@pytest.mark.parametrize("time", [1, MAX_DISTANCE - 1, MAX_DISTANCE, TIME])
def test_equals_the_written_out_formula(layer, x, expected, time):
    np.testing.assert_allclose(layer(x[:, :time]), expected[:, :time], atol=1e-5)


def test_one_rule_for_distances_past_the_longest(layer, x, expected):
    """In a trace of unknown time, and in steps with a cache of unknown length."""
    whole = tf.function(layer.__call__, autograph=False)
    spec = tf.TensorSpec([None, None, goldens.DIM])
    np.testing.assert_allclose(
        whole.get_concrete_function(spec)(tf.constant(x)), expected, atol=1e-5
    )

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 3, goldens.DIM]),
            [tf.TensorSpec([None, 2, None, 3])] * 2,
            tf.TensorSpec([], tf.int32),
        ]
    )
    def chunk(x, cache, position):
        y, update = layer.extend(x, tuple(cache), position)
        return y, apply_update(tuple(cache), update, position, layer.cache_kinds)

    for num_rows in (TIME, 2 * TIME):
        cache = layer.init_cache(2, num_rows)
        for position in range(0, TIME, 3):
            y, cache = chunk(x[:, position : position + 3], list(cache), position)
            np.testing.assert_allclose(
                y, expected[:, position : position + 3], atol=1e-5
            )


def test_distances_within_the_longest_are_all_told_apart(layer):
    """A key's distance moves the output, up to the longest."""
    x = np.zeros([1, TIME, goldens.DIM], "float32")
    outputs = []
    for distance in range(TIME):
        marked = x.copy()
        marked[0, TIME - 1 - distance] = 1
        marked[0, TIME - 1] = 1
        outputs.append(layer(marked)[0, -1].numpy())
    for first in range(1, TIME):
        for second in range(1, first):
            same = min(first, second) >= MAX_DISTANCE - 1
            assert np.allclose(outputs[first], outputs[second], atol=1e-6) == same


def test_without_its_embeddings_it_is_plain_attention(x):
    relative = RelativeGlobalAttention(2, 3, max_distance=MAX_DISTANCE)
    plain = CausalMultiHeadAttention(2, 3)
    for layer in (relative, plain):
        layer.build((None, None, goldens.DIM))
    relative.set_weights([np.zeros([2, MAX_DISTANCE, 3]), *plain.get_weights()])
    np.testing.assert_allclose(relative(x), plain(x), atol=1e-6)


def test_no_tensor_holds_an_embedding_for_each_pair():
    """Skewing: T * T * H numbers are what the layer is there to avoid."""
    time, size = 16, 64
    layer = RelativeGlobalAttention(1, size, max_distance=time)
    assert graphs.largest_tensor(layer, (1, time, 4)) < time * time * size


FEATURES = {
    "voice": np.array([[0, 1, 2, 3, 4, 1, 2, 3, 4], [3, 4, 1, 2, 3, 4, 1, 2, 3]]),
    "pitch": np.array([[0, 5, 5, 2, 1, 8, 8, 7, 1], [8, 2, 3, 3, 7, 5, 1, 1, 6]]),
}


@pytest.mark.parametrize("tokens_per_step", [None, 4])
@pytest.mark.parametrize("num_pitches", [None, 9])
@pytest.mark.parametrize("block_size", [None, 4])
def test_relative_time_and_pitch_compose(x, tokens_per_step, num_pitches, block_size):
    layer = RelativeGlobalAttention(
        2,
        3,
        MAX_DISTANCE,
        tokens_per_step=tokens_per_step,
        num_pitches=num_pitches,
        block_size=block_size,
    )
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    features = {name: FEATURES[name].astype("int32") for name in layer.feature_names}
    weights = reference.weights_of(layer)
    expected = [
        reference.attention(
            row,
            weights,
            2,
            FEATURES["voice"][index] if tokens_per_step else None,
            FEATURES["pitch"][index] if num_pitches else None,
        )
        for index, row in enumerate(x)
    ]
    np.testing.assert_allclose(layer(x, features=features), expected, atol=1e-5)
    cache, position = layer.init_cache(2, TIME), 0
    for size in (4, 1, 1, 3):
        steps = slice(position, position + size)
        some = {name: values[:, steps] for name, values in features.items()}
        y, update = layer.extend(x[:, steps], cache, position, some)
        cache = apply_update(cache, update, position, layer.cache_kinds)
        np.testing.assert_allclose(y, np.array(expected)[:, steps], atol=1e-5)
        position += size


def test_it_reads_the_features_that_its_options_need():
    assert RelativeGlobalAttention(2, 3, 4).feature_names == ()
    both = RelativeGlobalAttention(2, 3, 4, tokens_per_step=4, num_pitches=9)
    assert both.feature_names == ("voice", "pitch")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_distance": 0}, "max_distance must be at least 1, got 0"),
        ({"tokens_per_step": 1}, "tokens_per_step must be at least 2, got 1"),
        ({"num_pitches": 2}, "num_pitches must be at least 3, got 2"),
        ({"block_size": 0}, "block_size must be at least 1, got 0"),
    ],
)
def test_errors_at_construction(options, message):
    with pytest.raises(ValueError, match=message):
        RelativeGlobalAttention(2, 3, **{"max_distance": 4, **options})
