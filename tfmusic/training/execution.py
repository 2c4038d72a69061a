"""Steps and scores over all replicas of a strategy, a call of the graph for several."""

from collections.abc import Callable, Iterator

import tensorflow as tf


class Execution:
    """Runs steps of a training, several in one call where that is wanted.

    The loop over them is part of the graph, so a TPU's host sends its program once
    and the batches follow. The number of steps is a tensor: it changes without tracing
    anew.

    Args:
        strategy: of tf.distribute.
        train_step: one replica's, see `TrainStep.train_step`.
        batches: an iterator over the strategy's batches.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        train_step: Callable,
        batches: Iterator,
    ):
        self._strategy = strategy
        self._train_step = train_step
        self._batches = batches
        self._run = tf.function(self._steps)

    def __call__(self, num_steps: int, told_to_end: bool = False):
        """Runs the next steps.

        Args:
            num_steps: K.
            told_to_end: whether this process was, which the others learn by this.

        Returns:
            Nats, weights and the gradient's norm of each step, and how many replicas'
            processes were told to end, `[K]` each, over all replicas; not waited for.
        """
        return self._run(tf.constant(num_steps), tf.constant(float(told_to_end)))

    def _steps(self, num_steps, told_to_end):
        def of_replica(batch):
            nats, tokens, norm = self._train_step(batch)
            # A sum with something of the replica's: see BUILD_NOTES.md, "Traps".
            return nats, tokens, norm, told_to_end + 0 * tokens

        def step(index, *columns):
            nats, tokens, norm, told = self._strategy.run(
                of_replica, args=(next(self._batches),)
            )
            row = (
                self._strategy.reduce("sum", nats, axis=None),
                self._strategy.reduce("sum", tokens, axis=None),
                self._strategy.reduce("mean", norm, axis=None),
                self._strategy.reduce("sum", told, axis=None),
            )
            return index + 1, *(
                column.write(index, number)
                for column, number in zip(columns, row, strict=True)
            )

        columns = [tf.TensorArray(tf.float32, num_steps) for _ in range(4)]
        _, *columns = tf.while_loop(
            lambda index, *_: index < num_steps, step, (0, *columns)
        )
        return [column.stack() for column in columns]


def sum_over_replicas(
    function: Callable, strategy: tf.distribute.Strategy | None, xla: bool
) -> Callable:
    """A function of a batch whose rows are shared out among the replicas.

    Args:
        function: of a batch's parts, `[B, ...]` each; its tensors are sums over rows.
        strategy: of tf.distribute; by default the function is called as it is.
        xla: whether to compile.

    Returns:
        What takes the same batch, whose B the number of replicas divides, and returns
        the same sums.
    """
    compiled = tf.function(function, jit_compile=xla)
    if strategy is None or isinstance(strategy, tf.distribute.OneDeviceStrategy):
        return compiled
    replicas = strategy.num_replicas_in_sync

    def share(batch):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return compiled(
            *tf.nest.map_structure(
                lambda x: tf.reshape(x, [replicas, -1, *x.shape[1:]])[replica], batch
            )
        )

    @tf.function
    def run(*batch):
        sums = strategy.run(share, args=(batch,))
        return strategy.reduce("sum", sums, axis=None)

    return run
