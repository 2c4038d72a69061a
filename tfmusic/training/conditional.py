"""A branch in a replica's step that may hold an optimizer's update."""

from collections.abc import Callable

import tensorflow as tf


def call_if(condition: tf.Tensor, function: Callable, values: list[tf.Tensor]) -> None:
    """Calls `function(values)` where a condition holds, else nothing.

    Called in a replica's context, as `function` is. Where updates of variables leave
    that context (`merge_call`, which a branch may not hold), the branch leaves it
    first, as in Keras's LossScaleOptimizer.

    Args:
        condition: scalar of bool, the same on every replica.
        function: returns nothing.
        values: its argument, of this replica.
    """
    if tf.__internal__.distribute.strategy_supports_no_merge_call():
        _cond(condition, lambda: function(values))
        return

    def in_cross_replica_context(strategy, condition, values):
        _cond(
            strategy.experimental_local_results(condition)[0],
            lambda: strategy.extended.call_for_each_replica(function, args=(values,)),
        )

    tf.distribute.get_replica_context().merge_call(
        in_cross_replica_context, args=(condition, values)
    )


def _cond(condition, call):
    def true():
        call()
        return 0

    tf.cond(condition, true, lambda: 0)
