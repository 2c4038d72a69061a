"""The learning rate over a run."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfmusic")
class WarmUpSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear growth to a peak, then decay.

    Args:
        peak: the highest rate, reached at the end of the warm-up.
        warmup_steps: steps of linear growth.
        total_steps: steps of the run; "cosine" reaches zero at the last one. A run
            that is shorter than its warm-up only grows.
        decay: "cosine", "inverse_sqrt" or "constant".

    Reference:
        [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1608.03983) (cosine);
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 5.3.
    """

    def __init__(self, peak, warmup_steps, total_steps, decay="cosine"):
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.decay = decay

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1.0  # the first step already learns
        warmup = float(max(self.warmup_steps, 1))
        growth = ops.minimum(step / warmup, 1.0)
        if self.decay == "cosine":
            # The last step's rate is zero: nothing follows that could mend its noise.
            length = max(self.total_steps - warmup, 1.0)
            progress = ops.clip((step - warmup) / length, 0.0, 1.0)
            decay = 0.5 + 0.5 * ops.cos(math.pi * progress)
        elif self.decay == "inverse_sqrt":
            decay = ops.sqrt(warmup / ops.maximum(step, warmup))
        else:
            decay = 1.0
        return self.peak * growth * decay

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "decay": self.decay,
        }
