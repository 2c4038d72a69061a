"""What the steps since the last line of the log returned."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfmusic.training import checks


class Losses:
    """Sums of nats and of tokens, and gradient norms, of steps since the last line.

    They stay on the device until a line is made, so the host runs ahead of it. A line
    is a function of these numbers alone, wherever the training was interrupted.

    Args:
        numbers: of steps before, as `numbers` returned them.
    """

    def __init__(self, numbers=()):
        self._numbers = [tuple(step) for step in numbers]
        self._tensors = []

    def add(self, nats: tf.Tensor, tokens: tf.Tensor, norm: tf.Tensor) -> None:
        """Adds a step's, each a scalar, or those of K steps, each `[K]`."""
        self._tensors.append((nats, tokens, norm))

    def numbers(self) -> list[tuple[float, float, float]]:
        """Nats, tokens and norm of each step; waits for the device."""
        if self._tensors:
            columns = (
                tf.concat([tf.reshape(x, [-1]) for x in column], 0).numpy().tolist()
                for column in zip(*self._tensors, strict=True)
            )
            self._numbers += zip(*columns, strict=True)
            self._tensors = []
        return self._numbers

    def check(self, last_step: int, learning_rate: Callable[[int], float]) -> None:
        """Checks that every step was finite.

        Args:
            last_step: number of the newest step.
            learning_rate: a step's, by its number, for the error.

        Raises:
            UserError: one was not; it is named.
        """
        numbers = self.numbers()
        for step, (nats, _, norm) in enumerate(numbers, last_step - len(numbers) + 1):
            checks.check_finite(step, nats, learning_rate, norm)

    def line(self) -> dict[str, float]:
        """Sums the steps up, and forgets them.

        Returns:
            `nats_per_token`; `gradient_norm`, the last step's; `skipped`, the number
            of steps that were not finite, which do not count elsewhere. What no step
            has is missing.
        """
        numbers = np.array(self.numbers(), np.float64).reshape(-1, 3)
        self._numbers = []
        finite = numbers[np.isfinite(numbers).all(axis=1)]
        line = {"skipped": len(numbers) - len(finite)}
        if len(finite):
            nats, tokens, _ = finite.sum(axis=0)
            line["nats_per_token"] = float(nats / tokens)
            line["gradient_norm"] = float(finite[-1, 2])
        return line
