import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import LearnedPositions, SinusoidalPositions


@pytest.fixture(
    params=["ConcatenatedSinusoids", "LearnedPositions", "SinusoidalPositions"]
)
def layer(request):
    return goldens.make(request.param)


def test_sinusoids_of_four_dimensions_by_hand():
    waves = SinusoidalPositions()(tf.zeros([1, 3, 4]))[0]
    # Rates 1 and 1/100: two sines, two cosines.
    np.testing.assert_allclose(
        waves,
        [
            [0, 0, 1, 1],
            [np.sin(1), np.sin(0.01), np.cos(1), np.cos(0.01)],
            [np.sin(2), np.sin(0.02), np.cos(2), np.cos(0.02)],
        ],
        atol=1e-6,
    )


@pytest.mark.parametrize("dim", [1, 5, 8])
def test_sinusoids_equal_the_written_out_formula(dim):
    waves = SinusoidalPositions()(tf.zeros([2, 40, dim]))
    expected = reference.sinusoids(40, dim)
    np.testing.assert_allclose(waves, [expected, expected], atol=1e-5)


def test_sinusoids_of_far_positions():
    waves = SinusoidalPositions()(tf.zeros([1, 1, 8]), position=4095)[0, 0]
    np.testing.assert_allclose(waves, reference.sinusoids(4096, 8)[-1], atol=1e-3)


def test_learned_positions_are_the_tables_rows_and_the_last_is_for_all_later():
    layer = LearnedPositions(3)
    layer.build((None, None, 1))
    layer.table.assign([[10], [20], [30]])
    x = tf.ones([1, 5, 1])
    assert layer(x)[0, :, 0].numpy().tolist() == [11, 21, 31, 31, 31]
    assert layer(x, position=1)[0, :2, 0].numpy().tolist() == [21, 31]
    assert layer(x, position=7)[0, :2, 0].numpy().tolist() == [31, 31]


def test_a_sequence_may_come_in_parts(layer):
    x = goldens.hidden(2, 9)
    whole = layer(x)
    graph = tf.function(
        lambda x, position: layer(x, position=position),
        input_signature=[
            tf.TensorSpec([None, None, goldens.DIM]),
            tf.TensorSpec([], tf.int32),
        ],
    )
    for start, stop in ((0, 4), (4, 5), (5, 9)):
        for part in (
            layer(x[:, start:stop], position=start),
            graph(x[:, start:stop], start),
        ):
            np.testing.assert_allclose(part, whole[:, start:stop], atol=1e-6)


def test_positions_begin_again_with_each_segment(layer):
    x, starts = goldens.hidden(2, 9), np.array([[0] * 4 + [4] * 5, [0] * 9])
    found = layer(x, starts=tf.constant(starts, tf.int32))
    for row, part in ((0, slice(0, 4)), (0, slice(4, 9)), (1, slice(0, 9))):
        alone = layer(x[row : row + 1, part])
        np.testing.assert_allclose(found[row : row + 1, part], alone, atol=1e-6)
