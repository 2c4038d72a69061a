"""A training step of a decoder, as the training loop makes it."""

import dataclasses

import tensorflow as tf

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.models import MusicDecoder
from tfmusic.training.step import TrainStep, make_optimizer
from tfmusic.training.strategy import get_strategy


class TimedStep:
    """A model and its step: a batch in, its nats per token out when they are known."""

    def __init__(self, model_config: ModelConfig, train_config: TrainConfig):
        self.train_config = train_config
        self._strategy = get_strategy("one_device")
        with self._strategy.scope():
            bfloat16 = train_config.dtype == "bfloat16"
            self.model = MusicDecoder(
                **dataclasses.asdict(model_config),
                dtype="mixed_bfloat16" if bfloat16 else "float32",
            )
        self._replica = TrainStep(
            self.model, None, train_config.clip_norm, xla=train_config.xla
        )
        self.start(train_config.steps)

    def start(self, steps: int) -> None:
        """Begins a training of so many steps with a new optimizer.

        What XLA compiled, the forward and backward pass, is kept.
        """
        config = dataclasses.replace(self.train_config, steps=steps)
        with self._strategy.scope():
            self._replica.optimizer = make_optimizer(config)
            self._replica.optimizer.build(self.model.trainable_variables)

        @tf.function
        def step(batch):
            run = self._strategy.run
            nats, tokens, _ = run(self._replica.train_step, args=(batch,))
            return nats / tokens

        self._step = step

    def __call__(self, batch) -> float:
        return float(self._step(batch))
