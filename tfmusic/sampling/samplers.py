"""How the next token is drawn: one rule for every setting and every runtime.

For each row, in float32:

1. subtract the largest logit, divide by the temperature (by 1 where it is 0);
2. sort descending, equal logits by ascending id; `p` is the softmax;
3. keep the first `top_k` (0: all), the shortest beginning whose mass reaches
   `top_p` (1: all), those with `p >= min_p * p[0]`, those with `p > 0`; each of
   the four is judged on the whole `p`. At temperature 0 keep only the first;
4. with a uniform `u` in [0, 1), draw the first kept token whose cumulative mass
   is greater than `u` times the mass of all that are kept.

So greedy decoding is the case of a single kept token, nothing overflows, and an
even grid of uniforms draws every token as often as its probability says.
"""

import dataclasses

from keras import ops

# A logit that is never drawn beside others; finite, so that differences are numbers.
MASKED = -1e30


@dataclasses.dataclass(frozen=True)
class Sampler:
    """The settings of sampling; the defaults draw from the model as it is.

    Attributes:
        temperature: logits are divided by it; 0 is greedy decoding.
        top_k: how many of the likeliest tokens are kept; 0 keeps all.
        top_p: the mass that the kept tokens must reach, in (0, 1]
            ([Holtzman et al., 2020](https://arxiv.org/abs/1904.09751)).
        min_p: least probability kept, as a part of the likeliest token's, in
            [0, 1] ([Nguyen et al., 2024](https://arxiv.org/abs/2407.01082)).
        repetition_penalty: see `penalize_repetition`; 1 changes nothing.

    Raises:
        ValueError: a setting is outside its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self):
        # Written so that NaN fails as well.
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature must be 0 or more, not {self.temperature}")
        if self.top_k < 0 or self.top_k != int(self.top_k):
            raise ValueError(f"top_k must be a whole number, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], not {self.top_p}")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p must be in [0, 1], not {self.min_p}")
        if not 0 < self.repetition_penalty < float("inf"):
            raise ValueError(
                "repetition_penalty must be greater than 0, "
                f"not {self.repetition_penalty}"
            )


def sample(logits, uniforms, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    """Draws one token for each row, by the rule at the top of this file.

    Every setting may be a scalar tensor, so that one graph serves them all.

    Args:
        logits: `[B, V]`. `MASKED` excludes a token.
        uniforms: `[B]`, in [0, 1).
        temperature, top_k, top_p, min_p: see `Sampler`.

    Returns:
        int32 `[B]`, the ids drawn.
    """
    logits = ops.cast(logits, "float32")
    temperature = ops.cast(temperature, "float32")
    greedy = ops.equal(temperature, 0.0)
    # top_k puts the lower of two equal logits' ids first.
    logits, ids = ops.top_k(logits, logits.shape[-1])  # [B, V]
    rank = ops.arange(logits.shape[-1])  # [V]
    logits = (logits - logits[:, :1]) / ops.where(greedy, 1.0, temperature)
    probabilities = ops.softmax(logits)
    cumulative = ops.cumsum(probabilities, axis=-1)

    keep = probabilities > 0
    keep &= (rank < top_k) | ops.equal(top_k, 0)
    keep &= (cumulative - probabilities < top_p) | ops.equal(top_p, 1.0)
    keep &= probabilities >= min_p * probabilities[:, :1]
    keep &= (rank == 0) | ops.logical_not(greedy)
    last = ops.sum(ops.cast(keep, "int32"), axis=-1) - 1  # [B]
    mass = ops.max(ops.where(keep, cumulative, 0.0), axis=-1)  # [B]

    passed = cumulative <= (uniforms * mass)[:, None]
    # Rounding may carry u * mass up to the mass itself, hence the minimum.
    drawn = ops.minimum(ops.sum(ops.cast(passed, "int32"), axis=-1), last)  # [B]
    return ops.sum(ops.where(rank == drawn[:, None], ids, 0), axis=-1)


def penalize_repetition(logits, seen, penalty):
    """Makes tokens that the piece already has less likely.

    Args:
        logits: `[B, V]`; positive ones are divided by the penalty, negative ones
            multiplied with it.
        seen: bool `[B, V]`, the tokens in question.
        penalty: a scalar; 1 changes nothing, less than 1 rewards repetition.

    Returns:
        `[B, V]`.

    Reference:
        [Keskar et al., 2019](https://arxiv.org/abs/1909.05858), section 4.1.
    """
    penalized = ops.where(logits > 0, logits / penalty, logits * penalty)
    return ops.where(seen, penalized, logits)
