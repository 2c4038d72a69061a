"""All that a training changes, made anew or restored."""

import dataclasses

import keras
import tensorflow as tf

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets.progress import print_line
from tfmusic.models import make_model
from tfmusic.tokenizers import Tokenizer
from tfmusic.training import checks, run
from tfmusic.training.averaging import WeightAverage
from tfmusic.training.checkpoints import Checkpoints
from tfmusic.training.step import make_optimizer
from tfmusic.training.strategy import is_chief, is_tpu


@dataclasses.dataclass(frozen=True)
class TrainingState:
    """The state of a training.

    Attributes:
        model, optimizer: of Keras.
        average: the WeightAverage, or None.
        checkpoints: that hold these three.
        first_step: steps done when it was restored, 0 for a new one.
    """

    model: object
    optimizer: keras.optimizers.Optimizer
    average: WeightAverage | None
    checkpoints: Checkpoints
    first_step: int


def make_state(
    model_config: ModelConfig,
    train_config: TrainConfig,
    tokenizer: Tokenizer,
    model_dir: str,
    strategy: tf.distribute.Strategy,
) -> TrainingState:
    """Makes model and optimizer, as the newest whole checkpoint has them if any.

    Raises:
        UserError: they can't be made, or the folder's checkpoints are another's.
    """
    dtype = "mixed_bfloat16" if train_config.dtype == "bfloat16" else "float32"
    with strategy.scope():
        model = make_model(model_config, dtype)
        checks.check_features(model, tokenizer)
        checks.check_data(model, train_config)
        optimizer = make_optimizer(train_config)
        optimizer.build(model.trainable_variables)
        average = _average(model, train_config, strategy)
    chief = is_chief(strategy)
    others = {"average": average} if average else {}
    checkpoints = Checkpoints(model, optimizer, model_dir, chief, **others)
    first_step = checkpoints.restore(print_line if chief else lambda line: None)
    if not first_step and train_config.init_from:
        with strategy.scope():
            run.load_initial_weights(model, train_config.init_from)
        if average:
            average.reset()
    return TrainingState(model, optimizer, average, checkpoints, first_step)


def _average(model, config, strategy):
    """The average that the config wants, if any; a TPU compiles by itself."""
    if not config.ema:
        return None
    return WeightAverage(model, config.ema, config.xla and not is_tpu(strategy))
