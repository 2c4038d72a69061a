import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tests.models.test_mixers import extend
from tfmusic.layers import RelativeGlobalAttention, RelativeLocalAttention

TIME = 67  # neither a block's nor a chunk's multiple


def make(block_size, num_heads=2):
    layer = RelativeLocalAttention(num_heads, 3, block_size=block_size)
    layer.build((None, None, goldens.DIM))
    goldens.shake(layer)
    return layer


def written_out(layer, x):
    size = layer.block_size

    def sees(head, now):
        first = max(now // size * size - size, 0)
        return [(then, now - then) for then in range(first, now + 1)]

    weights = reference.weights_of(layer)
    heads = layer.num_heads
    return np.array([reference.window_attention(r, weights, heads, sees) for r in x])


@pytest.mark.parametrize("block_size, num_heads", [(1, 1), (4, 2), (7, 2), (80, 1)])
def test_equals_the_written_out_formula(block_size, num_heads):
    layer, x = make(block_size, num_heads), tf.constant(goldens.hidden(2, TIME))
    expected = written_out(layer, x.numpy())
    open_graph = tf.function(layer.__call__, autograph=False)
    open_graph.get_concrete_function(tf.TensorSpec([None, None, goldens.DIM]))
    for time in (1, 4, 9, TIME):
        for call in (layer, open_graph):
            np.testing.assert_allclose(call(x[:, :time]), expected[:, :time], atol=1e-5)


@pytest.mark.parametrize(
    "chunks", [[1] * 13, [64, 1, 1, 1], [3, 1, 9, 2, 16], [TIME]], ids=str
)
def test_a_cache_of_two_blocks_is_enough(chunks):
    layer, x = make(4), goldens.hidden(2, TIME)
    expected = written_out(layer, x)
    y, cache = extend(layer, x, chunks, 2)
    np.testing.assert_allclose(y, expected[:, : sum(chunks)], atol=1e-5)
    assert {rows.shape for rows in cache} == {(2, 2, 8, 3)}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("size", [1, 11])
def test_one_graph_for_every_position(size, jit_compile):
    layer, x = make(4), tf.constant(goldens.hidden(2, 44))
    chunk = tf.function(layer.extend, autograph=False, jit_compile=jit_compile)
    cache, whole = layer.init_cache(2, 44), layer(x)
    for position in range(0, 44, size):
        part = slice(position, position + size)
        y, cache = chunk(x[:, part], cache, tf.constant(position))
        np.testing.assert_allclose(y, whole[:, part], atol=1e-5)
    assert chunk.experimental_get_tracing_count() == 1


def test_causality_is_exact():
    layer, x = make(4), np.repeat(goldens.hidden(1, 13), 13, axis=0)
    changed = x.copy()
    changed[np.arange(13), np.arange(13)] += 1
    before, after = layer(x).numpy(), layer(changed).numpy()
    for step in range(13):
        moved = np.any(after[step] != before[step], axis=-1)
        last = (step // 4 + 2) * 4  # of the block after
        assert moved.tolist() == [step <= now < last for now in range(13)]


def test_within_a_block_it_is_relative_global_attention():
    layer = make(10)
    same = RelativeGlobalAttention(2, 3, max_distance=20)
    same.build((None, None, goldens.DIM))
    same.set_weights(layer.get_weights())
    x = goldens.hidden(2, 20)  # the second block sees all of the first
    np.testing.assert_allclose(layer(x), same(x), atol=1e-5)


def test_no_tensor_grows_with_the_square_of_the_time():
    layer, sizes = make(4), []
    for time in (64, 128):
        function = tf.function(layer.__call__, autograph=False)
        spec = tf.TensorSpec([1, time, goldens.DIM])
        graph = function.get_concrete_function(spec).graph
        shapes = [out.shape for op in graph.get_operations() for out in op.outputs]
        sizes.append(max(s.num_elements() or 0 for s in shapes if s.rank is not None))
    assert sizes[1] == 2 * sizes[0] < 128 * 128


def test_dropout_acts_in_training_alone():
    layer = RelativeLocalAttention(2, 3, block_size=4, dropout=0.5)
    x = goldens.hidden(2, 13)
    np.testing.assert_array_equal(layer(x), layer(x, training=False))
    assert not np.allclose(layer(x, training=True), layer(x))


def test_a_block_is_needed():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        RelativeLocalAttention(2, 3, block_size=0)
