import math

import pytest
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.training.losses import Losses


def losses(*steps, numbers=()):
    made = Losses(numbers)
    for step in steps:
        made.add(*map(tf.constant, step))
    return made


def test_a_line_is_the_sum_of_its_steps():
    made = losses((6.0, 2.0, 0.5), (2.0, 6.0, 0.25))
    assert made.line() == {"nats_per_token": 1.0, "gradient_norm": 0.25, "skipped": 0}
    assert made.numbers() == []


def test_several_steps_at_once_are_as_many():
    made = losses(([6.0, 2.0], [2.0, 6.0], [0.5, 0.25]), (1.0, 1.0, 1.0))
    assert made.numbers() == [(6, 2, 0.5), (2, 6, 0.25), (1, 1, 1)]


def test_an_interruption_changes_no_bit():
    steps = [(1 / 3 * k, 1.1 * k, 0.7 / k) for k in range(1, 8)]
    half = losses(*steps[:4])
    assert losses(*steps[4:], numbers=half.numbers()).line() == losses(*steps).line()


@pytest.mark.parametrize("bad", [(math.nan, 2.0, 0.5), (1.0, 2.0, math.inf)])
def test_a_step_that_is_not_finite_is_named_or_left_out(bad):
    made = losses((6.0, 2.0, 0.5), bad, (2.0, 6.0, 0.25))
    with pytest.raises(UserError, match=r"at step 9 .* learning rate 0.09\)"):
        made.check(10, lambda step: step / 100)
    assert made.line() == {"nats_per_token": 1.0, "gradient_norm": 0.25, "skipped": 1}
    assert losses(bad).line() == {"skipped": 1}
