"""What each kind of model is trained on and judged by."""

import dataclasses
from collections.abc import Callable

from tfmusic.datasets.grid_windows import GridWindows
from tfmusic.datasets.windows import Windows
from tfmusic.training.evaluation import Evaluator
from tfmusic.training.infilling_evaluation import InfillingEvaluator


@dataclasses.dataclass(frozen=True)
class Objective:
    """The data and the score of a training.

    Attributes:
        windows: class of the training's windows, see `Windows`.
        evaluator: makes, of model, tokenizer and pieces, what returns the scores;
            the lowest `nats_per_token` is the best.
    """

    windows: type[Windows]
    evaluator: Callable


# By the kind of a `ModelConfig`.
OBJECTIVES = {
    "decoder": Objective(Windows, Evaluator),
    "infiller": Objective(GridWindows, InfillingEvaluator),
}
