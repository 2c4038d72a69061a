"""Blockwise attention against the plain form: outputs, gradients, memory."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, packed
from tfmusic.layers import (
    CausalMultiHeadAttention,
    RelativeGlobalAttention,
    ShawAttention,
)

TIME = 11
LAYERS = {
    "plain": (CausalMultiHeadAttention, {}),
    "relative": (RelativeGlobalAttention, {"max_distance": TIME}),
    "clipped": (RelativeGlobalAttention, {"max_distance": 3}),
    "longer": (RelativeGlobalAttention, {"max_distance": 2 * TIME}),
    "values": (ShawAttention, {"max_distance": 7}),
    "pitch_and_time": (
        RelativeGlobalAttention,
        {"max_distance": 8, "tokens_per_step": 4, "num_pitches": 9},
    ),
}


def make(name, **options):
    keras.utils.set_random_seed(0)
    layer_class, of_class = LAYERS[name]
    layer = layer_class(2, 3, **of_class, **options)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


def outputs_and_gradients(layer, inputs, seed=None):
    """Outputs, and the gradients of inputs and weights, as one list."""
    if seed is not None:
        layer.weights_dropout.seed_generator.state.assign(seed)
    projection = np.random.default_rng(5).normal(size=inputs[0].shape)
    with tf.GradientTape() as tape:
        tape.watch(inputs[0])
        y = layer(inputs[0], features=inputs[1], training=seed is not None)
        loss = tf.reduce_sum(y * tf.cast(projection, y.dtype))
    weights = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(loss, [inputs[0], *weights])
    return [y, *[tf.convert_to_tensor(gradient) for gradient in gradients]]


def inputs(time=TIME, segment=None):
    features = goldens.tokens(2, time)
    features = {name: features[name] for name in ("voice", "pitch")}
    if segment is not None:
        features["segment"] = segment
    return tf.constant(goldens.hidden(2, time)), tf.nest.map_structure(
        tf.constant, features
    )


def segments():
    return packed.segment([[6, 4, 1], [2, 8, 1]])


@pytest.mark.parametrize("block_size", [1, 4, TIME, 16])
@pytest.mark.parametrize("name", LAYERS)
def test_equals_the_plain_form_gradients_included(name, block_size):
    plain, blockwise = make(name), make(name, block_size=block_size)
    expected = outputs_and_gradients(plain, inputs())
    actual = outputs_and_gradients(blockwise, inputs())
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.parametrize("name", ["plain", "values", "pitch_and_time"])
def test_equals_the_plain_form_with_segments(name):
    plain, blockwise = make(name), make(name, block_size=3)
    expected = outputs_and_gradients(plain, inputs(segment=segments()))
    assert not np.allclose(expected[0], plain(*inputs()), atol=1e-2)
    actual = outputs_and_gradients(blockwise, inputs(segment=segments()))
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_blocks_before_the_segments_of_all_rows_are_not_computed():
    """What is not a number spreads wherever it is multiplied, with zero as well."""
    layer = make("values", block_size=4)
    x, features = inputs(segment=packed.segment([[8, 3], [6, 5]]))
    x = tf.where(np.arange(TIME)[:, None] < 4, np.nan, x)
    y = layer(x, features=features)
    assert np.all(np.isfinite(y[:, 8:])) and not np.any(np.isfinite(y[:, :4]))


@pytest.mark.parametrize("segment", [None, segments()], ids=["one", "segments"])
@pytest.mark.parametrize("name", ["plain", "values", "pitch_and_time"])
def test_drops_the_same_weights(name, segment):
    seed = np.array([7, 8], "uint32")
    plain = make(name, dropout=0.4)
    blockwise = make(name, dropout=0.4, block_size=4)
    given = inputs(segment=segment)
    expected = outputs_and_gradients(plain, given, seed)
    assert not np.allclose(expected[0], plain(*given))
    actual = outputs_and_gradients(blockwise, given, seed)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", ["clipped", "values"])
def test_compiled_and_traced(name, jit_compile):
    layer, given = make(name, block_size=4), inputs(segment=segments())
    function = tf.function(
        outputs_and_gradients, jit_compile=jit_compile, autograph=False
    )
    expected = outputs_and_gradients(layer, given)
    for one, other in zip(function(layer, given), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_gradients_where_the_time_is_unknown_at_trace_time():
    layer = make("values", block_size=4)
    function = tf.function(
        lambda x: outputs_and_gradients_of_any_time(layer, x),
        input_signature=[tf.TensorSpec([None, None, goldens.DIM])],
    )
    for time in (1, 4, TIME):
        x = tf.constant(goldens.hidden(2, time))
        expected = outputs_and_gradients_of_any_time(layer, x)
        for one, other in zip(function(x), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5)


def outputs_and_gradients_of_any_time(layer, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y * y)
    return y, tape.gradient(loss, x)


def test_gradients_in_bfloat16():
    layer = make("values", block_size=4, dtype="mixed_bfloat16")
    exact = make("values")
    layer.set_weights(exact.get_weights())
    expected = outputs_and_gradients(exact, inputs())
    actual = outputs_and_gradients(layer, inputs())
    for one, other in zip(actual, expected, strict=True):
        error = np.abs(tf.cast(one, tf.float32) - other).max()
        assert error < 0.05 * np.abs(other).max()


@pytest.mark.parametrize("name", LAYERS)
def test_no_tensor_is_as_large_as_the_square_of_the_time(name):
    time, block = 64, 4
    layer = make(name, block_size=block)
    x, features = inputs(time, packed.segment([[40, 24]] * 2))

    def graph(layer):
        step = tf.function(outputs_and_gradients, autograph=False)
        return step.get_concrete_function(layer, (x, features)).graph

    assert largest_square(graph(layer), time) == 0
    assert largest_square(graph(make(name)), time) > 0


def largest_square(graph, time):
    """The largest tensor of a graph and its loops that has two axes of the time."""
    functions = [graph, *(f.graph for f in graph._functions.values())]
    return max(
        out.shape.num_elements() if list(out.shape).count(time) > 1 else 0
        for function in functions
        for operation in function.get_operations()
        for out in operation.outputs
        if out.shape.is_fully_defined()
    )
