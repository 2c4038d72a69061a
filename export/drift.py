"""How far one model's probabilities are from another's."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Drift:
    """How far exported probabilities are from the checkpoint's.

    Attributes:
        max_difference: largest difference of two log-probabilities.
        mean_kl: Kullback-Leibler divergence from the checkpoint's distribution to
            the exported one, nats per token.
        top1_agreement: share of tokens where the likeliest next one is the same.
        nats_change: of the nats per token of what was read; positive is worse.
        nats_error: the standard error of that, which fewer tokens make larger.
    """

    max_difference: float
    mean_kl: float
    top1_agreement: float
    nats_change: float
    nats_error: float

    def __str__(self):
        return (
            f"mean KL {self.mean_kl:.1e} nats, top-1 agreement "
            f"{self.top1_agreement:.3f}, {self.nats_change:+.1e} nats per token, "
            f"largest difference {self.max_difference:.1e}"
        )


def measure_drift(
    expected: Sequence[np.ndarray],
    actual: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
) -> Drift:
    """The drift over several sequences.

    Args:
        expected, actual: the logits of each, `[T, V]`.
        targets: the ids of each that the first logits are about, `[T]` or less.
    """
    differences, divergences, agreements, changes = [], [], [], []
    for logits, exported, ids in zip(expected, actual, targets, strict=True):
        log_p, log_q = _log_softmax(logits), _log_softmax(exported)
        differences.append(np.abs(log_p - log_q).max())
        divergences.append((np.exp(log_p) * (log_p - log_q)).sum(-1))
        agreements.append(log_p.argmax(-1) == log_q.argmax(-1))
        index = np.arange(len(ids)), ids
        changes.append(log_p[index] - log_q[index])
    changes = np.concatenate(changes) if sum(map(len, targets)) else np.zeros(1)
    return Drift(
        max_difference=float(np.max(differences)),
        mean_kl=float(np.concatenate(divergences).mean()),
        top1_agreement=float(np.concatenate(agreements).mean()),
        nats_change=float(changes.mean()),
        nats_error=float(changes.std() / len(changes) ** 0.5),
    )


def _log_softmax(logits):
    logits = logits.astype(np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
