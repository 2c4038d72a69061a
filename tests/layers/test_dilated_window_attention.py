import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tests.models.test_mixers import extend
from tfmusic.layers import DilatedWindowAttention, RelativeGlobalAttention

TIME = 23
CASES = [(1, 1), (3, 1), (2, 3), (3, (1, 4)), (2, (5, 2)), (30, (1, 2))]


def make(window, dilation):
    layer = DilatedWindowAttention(2, 3, window, dilation)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


def written_out(layer, x):
    dilations = np.broadcast_to(layer.dilation, 2)

    def sees(head, now):
        times = [now - step * dilations[head] for step in range(layer.window)]
        return [(then, step) for step, then in enumerate(times) if then >= 0]

    weights = reference.weights_of(layer)
    return np.array([reference.window_attention(row, weights, 2, sees) for row in x])


@pytest.mark.parametrize("window, dilation", CASES)
def test_equals_the_written_out_formula(window, dilation):
    layer, x = make(window, dilation), tf.constant(goldens.hidden(2, TIME))
    expected = written_out(layer, x.numpy())
    open_graph = tf.function(layer.__call__, autograph=False)
    open_graph.get_concrete_function(tf.TensorSpec([None, None, goldens.DIM]))
    for time in (1, 4, 9, TIME):
        for call in (layer, open_graph):
            np.testing.assert_allclose(call(x[:, :time]), expected[:, :time], atol=1e-5)


@pytest.mark.parametrize("window, dilation", CASES)
def test_a_cache_of_the_widest_window_is_enough(window, dilation):
    layer, x = make(window, dilation), goldens.hidden(2, TIME)
    expected = written_out(layer, x)
    rows = window * np.max(dilation)
    for chunks in ([1] * 7, [TIME], [3, 1, 9, 2, 8]):
        y, cache = extend(layer, x, chunks, 2)
        np.testing.assert_allclose(y, expected[:, : sum(chunks)], atol=1e-5)
        assert {state.shape for state in cache} == {(2, 2, rows, 3)}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("size", [1, 11])
def test_one_graph_for_every_position(size, jit_compile):
    layer, x = make(3, (1, 4)), tf.constant(goldens.hidden(2, 22))
    chunk = tf.function(layer.extend, autograph=False, jit_compile=jit_compile)
    cache, whole = layer.init_cache(2, 22), layer(x)
    for position in range(0, 22, size):
        part = slice(position, position + size)
        y, cache = chunk(x[:, part], cache, tf.constant(position))
        np.testing.assert_allclose(y, whole[:, part], atol=1e-5)
    assert chunk.experimental_get_tracing_count() == 1


def test_causality_is_exact_and_only_what_is_in_the_window_matters():
    layer, x = make(3, (1, 4)), np.repeat(goldens.hidden(1, 13), 13, axis=0)
    changed = x.copy()
    changed[np.arange(13), np.arange(13)] += 1
    before, after = layer(x).numpy(), layer(changed).numpy()
    for step in range(13):
        moved = np.any(after[step] != before[step], axis=-1)
        expected = [now - step in (0, 1, 2, 4, 8) for now in range(13)]
        assert moved.tolist() == expected


def test_a_window_wider_than_the_music_is_relative_global_attention():
    layer, x = make(TIME, 1), goldens.hidden(2, TIME)
    same = RelativeGlobalAttention(2, 3, max_distance=TIME)
    same.build((None, None, goldens.DIM))
    same.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), same(x), atol=1e-5)


def test_no_tensor_grows_with_the_square_of_the_time():
    layer, sizes = make(4, (1, 2)), []
    for time in (64, 128):
        function = tf.function(layer.__call__, autograph=False)
        spec = tf.TensorSpec([1, time, goldens.DIM])
        graph = function.get_concrete_function(spec).graph
        shapes = [out.shape for op in graph.get_operations() for out in op.outputs]
        sizes.append(max(s.num_elements() or 0 for s in shapes if s.rank is not None))
    assert sizes[1] == 2 * sizes[0] < 128 * 128


@pytest.mark.parametrize(
    "window, dilation, message",
    [
        (0, 1, "window must be at least 1, got 0"),
        (2, 0, "dilation must be at least 1, got 0"),
        (2, (1, 0), "dilation must be at least 1, got 0"),
        (2, (1, 2, 3), "3 dilations for 2 heads"),
    ],
)
def test_errors_say_what_was_expected(window, dilation, message):
    with pytest.raises(ValueError, match=message):
        DilatedWindowAttention(2, 3, window, dilation)
