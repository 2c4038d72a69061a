"""A branch that updates variables, on one device and on several."""

import pytest
import tensorflow as tf

from tfmusic.training.conditional import call_if
from tfmusic.training.strategy import get_strategy


@pytest.mark.parametrize("strategy_name", ["one_device", "mirrored"])
def test_a_variable_is_updated_where_the_condition_holds_alone(strategy_name):
    strategy = get_strategy(strategy_name)
    with strategy.scope():
        variable = tf.Variable(1.0, aggregation=tf.VariableAggregation.MEAN)

    def update(values):
        variable.assign_add(tf.reduce_sum(values[0]))

    @tf.function
    def step(condition):
        strategy.run(
            lambda: call_if(condition, update, [tf.constant([1.0, 2.0])]),
        )

    step(tf.constant(False))
    assert variable.numpy() == 1.0
    step(tf.constant(True))
    assert variable.numpy() == 4.0
