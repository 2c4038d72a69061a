"""The average of a model's weights over a training."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


class WeightAverage(tf.Module):
    """An exponential moving average of trainable weights.

    Every replica keeps its own copy up to date: nothing goes between replicas, whose
    weights are equal. Made under the strategy's scope, it begins with the weights as
    they are then.

    Args:
        model: of Keras.
        decay: of the average, at most; `(1 + n) / (10 + n)` at the n-th update where
            that is less.
        xla: whether to compile: the weights are then gone through once.
    """

    def __init__(self, model, decay: float, xla: bool = False):
        super().__init__()
        self._strategy = tf.distribute.get_strategy()
        # In a tuple, which checkpoints don't follow: the model has them there.
        self._weights = tuple(model.trainable_variables)
        self.decay = decay
        self._blend = tf.function(_blend, jit_compile=xla)
        self.averages = [
            tf.Variable(weight.value, trainable=False) for weight in self._weights
        ]

    def reset(self) -> None:
        """Begins anew with the weights as they are now."""
        with self._strategy.scope():
            for average, weight in zip(self.averages, self._weights, strict=True):
                average.assign(tf.identity(weight.value))

    def update(self, num_updates: tf.Tensor) -> None:
        """Takes in the weights as they are now, in a replica's context.

        Args:
            num_updates: scalar of float32, of the weights, this one included.
        """
        decay = tf.minimum(self.decay, (1.0 + num_updates) / (10.0 + num_updates))
        weights = [tf.convert_to_tensor(weight.value) for weight in self._weights]
        averages = [tf.convert_to_tensor(average) for average in self.averages]
        blends = self._blend(averages, weights, decay)
        for average, blend in zip(self.averages, blends, strict=True):
            average.assign(blend)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averages as its weights until the block ends."""
        with self._strategy.scope():
            weights = [tf.identity(weight.value) for weight in self._weights]
            try:
                for weight, average in zip(self._weights, self.averages, strict=True):
                    weight.assign(tf.identity(average))
                yield
            finally:
                for weight, value in zip(self._weights, weights, strict=True):
                    weight.assign(value)


def _blend(averages, weights, decay):
    return [
        average + (weight - average) * (1.0 - decay)
        for average, weight in zip(averages, weights, strict=True)
    ]
