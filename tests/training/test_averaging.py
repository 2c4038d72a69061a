"""The average of the weights, and what a step that is left out leaves."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import MODEL, TRAIN
from tfmusic.models import make_model
from tfmusic.training.averaging import WeightAverage
from tfmusic.training.step import TrainStep, make_optimizer
from tfmusic.training.strategy import get_strategy

DROPOUT = dataclasses.replace(MODEL, dropout=0.3)


def batch(seed, weight=1.0):
    """Two rows, as two replicas would share them."""
    generator = np.random.default_rng(seed)
    tokens = generator.integers(3, 40, (2, 17), np.int32)
    inputs = {"tokens": tokens[:, :-1], "beat": generator.integers(0, 17, (2, 16))}
    return inputs, tokens[:, 1:], np.full((2, 16), weight, np.float32)


class Trainer:
    """Steps of a tiny model under a strategy."""

    def __init__(self, strategy, **options):
        self.strategy = get_strategy(strategy)
        keras.utils.set_random_seed(0)
        with self.strategy.scope():
            self.model = make_model(DROPOUT)
            self.optimizer = make_optimizer(TRAIN)
            self.optimizer.build(self.model.trainable_variables)
            self.average = WeightAverage(self.model, 0.5)
        step = TrainStep(
            self.model, self.optimizer, 1.0, average=self.average, **options
        )

        @tf.function
        def run(rows):
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            count = self.strategy.num_replicas_in_sync
            rows = tf.nest.map_structure(
                lambda x: tf.reshape(x, [count, -1, 16])[replica], rows
            )
            return step.train_step(rows)

        self.run = tf.function(lambda rows: self.strategy.run(run, args=(rows,)))

    def step(self, *arguments):
        rows = tf.nest.map_structure(tf.constant, batch(*arguments))
        self.run(rows)

    def weights(self):
        return [v.numpy() for v in self.model.trainable_variables]

    def averages(self):
        return [v.numpy() for v in self.average.averages]

    def state(self):
        optimizer = [v.numpy() for v in self.optimizer.variables]
        return [*self.weights(), *self.averages(), *optimizer]


def assert_equal(arrays, others, **tolerance):
    for array, other in zip(arrays, others, strict=True):
        np.testing.assert_allclose(array, other, **{"rtol": 0, **tolerance})


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_the_average_is_the_formulas_and_nothing_is_left_of_a_skipped_step(strategy):
    trainer = Trainer(strategy, skip_non_finite=True)
    expected = trainer.weights()
    for n in range(1, 11):
        trainer.step(n)
        decay = min(0.5, (1 + n) / (10 + n))
        expected = [
            decay * old + (1 - decay) * new
            for old, new in zip(expected, trainer.weights(), strict=True)
        ]
    assert_equal(trainer.averages(), expected, atol=1e-6)
    for variable in trainer.average.averages:
        first, *others = trainer.strategy.experimental_local_results(variable)
        for other in others:
            np.testing.assert_array_equal(other, first)

    before = trainer.state()
    trainer.step(11, float("nan"))
    assert_equal(trainer.state(), before)
    trainer.step(11)
    assert trainer.optimizer.iterations.numpy() == 11
    assert all(np.isfinite(array).all() for array in trainer.state())

    weights, averages = trainer.weights(), trainer.averages()
    with pytest.raises(ValueError), trainer.average.in_place():
        assert_equal(trainer.weights(), averages)
        raise ValueError
    assert_equal(trainer.weights(), weights)
    trainer.average.reset()
    assert_equal(trainer.averages(), weights)
