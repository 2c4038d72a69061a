import numpy as np
import pytest
import tensorflow as tf

from tfmusic.datasets.masking import mask_cells


def mask(is_cell, uniforms):
    masked, weights = mask_cells(tf.constant(is_cell), tf.constant(uniforms))
    return masked.numpy(), weights.numpy()


def test_the_first_number_says_how_many_and_the_others_which():
    uniforms = np.array(
        [
            [0.00, 0.9, 0.1, 0.5, 0.3],  # 1 of 4: the place with the least number
            [0.49, 0.9, 0.1, 0.5, 0.3],  # 2
            [0.74, 0.9, 0.1, 0.5, 0.3],  # 3
            [0.99, 0.9, 0.1, 0.5, 0.3],  # all
        ],
        np.float32,
    )
    masked, weights = mask(np.ones([4, 4], bool), uniforms)
    assert masked.astype(int).tolist() == [
        [0, 1, 0, 0],
        [0, 1, 0, 1],
        [0, 1, 1, 1],
        [1, 1, 1, 1],
    ]
    expected = masked * np.array([[4], [2], [4 / 3], [1]])
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_what_is_past_the_end_is_never_masked():
    is_cell = np.array([[True, True, False, False], [False] * 4])
    uniforms = np.array([[0.99, 0.5, 0.6, 0.1, 0.2], [0.99, 0, 0, 0, 0]], np.float32)
    masked, weights = mask(is_cell, uniforms)
    assert masked.tolist() == [[True, True, False, False], [False] * 4]
    assert weights.tolist() == [[1, 1, 0, 0], [0] * 4]


def test_a_number_that_is_rounded_to_one_masks_all():
    almost_one = np.nextafter(np.float32(1), np.float32(0))
    masked, _ = mask(np.ones([1, 4], bool), np.full([1, 5], almost_one))
    assert masked.sum() == 4


def test_every_number_of_cells_and_every_cell_come_equally_often():
    uniforms = np.random.default_rng(0).random([20_000, 5], np.float32)
    masked, weights = mask(np.ones([20_000, 4], bool), uniforms)
    numbers = np.bincount(masked.sum(axis=1), minlength=5) / 20_000
    np.testing.assert_allclose(numbers, [0, 0.25, 0.25, 0.25, 0.25], atol=0.015)
    np.testing.assert_allclose(masked.mean(axis=0), [0.625] * 4, atol=0.015)
    np.testing.assert_allclose(weights.sum(axis=1), 4, rtol=1e-6)


def test_weighted_nats_estimate_those_of_random_orders():
    """Where nats depend on the number of known cells only, both can be written out."""
    nats_by_known = np.array([4.0, 3.0, 1.0, 0.5])
    of_orders = nats_by_known.mean()  # a cell a place in the order
    estimates = []
    for number in range(1, 5):
        uniforms = np.array([[(number - 0.5) / 4, 0.9, 0.1, 0.5, 0.3]], np.float32)
        _, weights = mask(np.ones([1, 4], bool), uniforms)
        estimates.append((weights * nats_by_known[4 - number]).sum() / 4)
    assert np.mean(estimates) == pytest.approx(of_orders, rel=1e-6)
