"""What the ratios compare: pairs of training steps and of layers."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Ratio:
    """What is compared with what.

    Attributes:
        what: in words.
        target: at most so much; at least, where `at_least`.
        cases: name -> a function that gives one of its repetitions; the first's
            measure is divided by the second's, others are printed beside.
        of: "time" or "memory".
        at_least: whether more is better.
    """

    what: str
    target: float
    cases: dict[str, Callable]
    of: str = "time"
    at_least: bool = False

    def meets(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value >= self.target if self.at_least else value <= self.target

    def line(self, value: float, measures: dict[str, float]) -> str:
        """The ratio and what it was made of, in a line."""
        sign = ">=" if self.at_least else "<="
        unit, name = (1e3, "ms") if self.of == "time" else (1e-6, "MB")
        parts = ", ".join(
            f"{case} {measure * unit:,.0f} {name}" for case, measure in measures.items()
        )
        verdict = "" if self.meets(value) else "  MISSED"
        return (
            f"{self.what}: {value:.2f} (target {sign} {self.target}){verdict}; {parts}"
        )


def _config(mixer, length, **changes):
    """A model's config; the mixer may be `gathered`, which has no other use."""
    from benchmarks import costs, gathered_attention
    from tfmusic.models.mixers import MIXERS

    gathered = gathered_attention.GatheredRelativeAttention
    MIXERS["gathered"] = (gathered, MIXERS["relative_global"][1])
    return dataclasses.replace(costs.model_config(length), mixer=mixer, **changes)


def training(mixer: str, length: int, **changes) -> Callable:
    """A training step of a decoder."""

    def make():
        from benchmarks import costs

        return costs.training_step(_config(mixer, length, **changes))[0]

    return make


def layer(mixer: str, length: int, xla: bool = True, **changes) -> Callable:
    """A layer alone, forward and backward."""

    def make():
        import tensorflow as tf

        from tfmusic.models.mixers import make_mixers

        config = _config(mixer, length, num_layers=1, **changes)
        (mixing,) = make_mixers(config, "float32")
        shape = (1, length, config.hidden_dim)
        mixing.build(shape)
        x, weights = tf.random.normal(shape), tf.random.normal(shape)

        @tf.function(jit_compile=xla)
        def run(x, weights):
            variables = [variable.value for variable in mixing.trainable_variables]
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(mixing(x) * weights)
            return tape.gradient(y, [x, *variables])

        return lambda: run(x, weights)[0].numpy()

    return make


def _fourier(method, xla=True):
    options = {"causal_fourier": {"method": method}}
    return layer("causal_fourier", 4096, xla, mixer_options=options)


def _fourier_against_attention(length, target):
    return Ratio(
        f"causal Fourier layer against relative attention at {length}, times faster",
        target,
        {
            "relative": layer("relative_global", length),
            "fourier": layer("causal_fourier", length),
            "fourier, no XLA": layer("causal_fourier", length, xla=False),
            "blockwise": layer("relative_global", length, attention_block_size=256),
            "relative, no XLA": layer("relative_global", length, xla=False),
        },
        at_least=True,
    )


_BLOCKWISE = {
    "blockwise": training("relative_global", 4096, attention_block_size=256),
    "plain": training("relative_global", 4096),
}
RATIOS = {
    "skewed": Ratio(
        "skewed against gathered relative term at 1024, peak memory",
        0.25,
        {
            "skewed": training("relative_global", 1024),
            "gathered": training("gathered", 1024),
        },
        of="memory",
    ),
    "skewed_layer": Ratio(
        "the same of a layer alone",
        0.25,
        {
            "skewed": layer("relative_global", 1024),
            "gathered": layer("gathered", 1024),
        },
        of="memory",
    ),
    "blockwise_memory": Ratio(
        "blockwise against plain relative attention at 4096, peak memory",
        0.35,
        _BLOCKWISE,
        of="memory",
    ),
    "blockwise_time": Ratio(
        "blockwise against plain relative attention at 4096, time", 1.15, _BLOCKWISE
    ),
    "relative": Ratio(
        "relative against plain attention at 1024, time",
        1.25,
        {
            "relative": training("relative_global", 1024),
            "plain": training("causal", 1024),
        },
    ),
    "local": Ratio(
        "local attention at 4096 against 2048, time",
        2.3,
        {
            "4096": training("relative_local", 4096),
            "2048": training("relative_local", 2048),
        },
    ),
    "fourier_2048": _fourier_against_attention(2048, 10),
    "fourier_4096": _fourier_against_attention(4096, 30),
    "fourier_masked": Ratio(
        "causal Fourier layer at 4096 against its masked matmul, times faster",
        4,
        {
            "masked matmul": _fourier("matmul"),
            "chirp": _fourier("chirp"),
            "masked matmul, no XLA": _fourier("matmul", xla=False),
            "chirp, no XLA": _fourier("chirp", xla=False),
        },
        at_least=True,
    ),
}
