import numpy as np
import pytest
import tensorflow as tf

from tfmusic.layers import apply_update

BATCH, HEADS, ROWS, SIZE = 2, 3, 6, 4
KINDS = (("rows", "state"), ("rows",))


def numbers(*shape, start=0):
    return start + np.arange(np.prod(shape), dtype="float32").reshape(shape)


def example(time):
    """A cache and its update, of two layers: rows and a state, and rows."""
    rows, state = (BATCH, HEADS, ROWS, SIZE), (BATCH, 5)
    new = (BATCH, HEADS, time, SIZE)
    cache = ((numbers(*rows), numbers(*state)), (numbers(BATCH, ROWS, SIZE),))
    update = (
        (numbers(*new, start=1000), numbers(*state, start=2000)),
        (numbers(BATCH, time, SIZE, start=3000),),
    )
    return tf.nest.map_structure(tf.constant, (cache, update))


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("time", [1, 2, ROWS])
def test_new_rows_stand_at_the_position_and_states_are_replaced(time, jit_compile):
    cache, update = example(time)

    @tf.function(jit_compile=jit_compile)
    def apply(position):
        return apply_update(cache, update, position, KINDS, jit_compile=jit_compile)

    for position in range(ROWS - time + 1):
        (rows, state), (flat_rows,) = apply(tf.constant(position))
        for actual, old, new in (
            (rows, cache[0][0], update[0][0]),
            (flat_rows, cache[1][0], update[1][0]),
        ):
            expected = old.numpy()
            for step in range(time):
                expected[..., position + step, :] = new[..., step, :]
            np.testing.assert_array_equal(actual, expected)
        np.testing.assert_array_equal(state, update[0][1])


def test_shapes_unknown_at_trace_time():
    signature = [
        tf.TensorSpec([None, HEADS, None, SIZE], tf.float32),
        tf.TensorSpec([None, HEADS, 2, SIZE], tf.float32),
        tf.TensorSpec([], tf.int32),
    ]
    apply = tf.function(
        lambda cache, update, position: apply_update(
            (cache,), (update,), position, ("rows",)
        )[0],
        input_signature=signature,
    )
    for num_rows in (3, 5):
        old = np.zeros([BATCH, HEADS, num_rows, SIZE], "float32")
        written = apply(old, np.ones([BATCH, HEADS, 2, SIZE], "float32"), 1)
        assert written[0, 0, :, 0].numpy().tolist() == [0, 1, 1, 0, 0][:num_rows]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_cache_keeps_its_dtype_and_the_old_one_its_values(jit_compile):
    old = tf.zeros([1, 3, 2], tf.bfloat16)
    new = tf.ones([1, 1, 2])
    (written,) = apply_update((old,), (new,), 1, ("rows",), jit_compile)
    assert written.dtype == tf.bfloat16
    assert written[0, :, 0].numpy().tolist() == [0, 1, 0]
    assert not np.any(old)
    (state,) = apply_update((old[:, :1],), (new,), 1, ("state",), jit_compile)
    assert state.dtype == tf.bfloat16
    assert np.all(state.numpy() == 1)


def test_a_state_keeps_its_shape():
    """Whatever its mixer has forgotten of it, as a loop's variables must."""

    @tf.function(input_signature=[tf.TensorSpec(None)])
    def apply(new):
        (state,) = apply_update((tf.zeros([2, 3]),), (new,), 0, ("state",))
        assert state.shape == (2, 3)
        return state

    assert np.all(apply(tf.ones([2, 3])) == 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
        apply(tf.ones([3, 2]))
