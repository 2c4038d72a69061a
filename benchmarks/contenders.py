"""What the study compares: every mixer of a decoder, and hybrids of them."""

import dataclasses

from tfmusic.config import ModelConfig
from tfmusic.models.mixers import MIXERS

# Mixers to which the order of what came before means nothing: a model of these alone
# gets sinusoids added to its embeddings. The others know positions by themselves.
WITHOUT_POSITIONS = {"causal", "performer"}


@dataclasses.dataclass(frozen=True)
class Contender:
    """A way to fill a decoder's layers.

    Attributes:
        mixers: names of mixers from the lowest layer to the highest; stretched over
            the layers where these are more.
        changes: other fields of the model's config.
    """

    mixers: tuple[str, ...]
    changes: dict = dataclasses.field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The mixers and settings that it needs and that there are not."""
        fields = {field.name for field in dataclasses.fields(ModelConfig)}
        return sorted({*self.mixers} - {*MIXERS}) + sorted({*self.changes} - fields)

    def config(self, base: ModelConfig) -> ModelConfig:
        """The base's config with this contender's mixers and positions."""
        layers = base.num_layers
        mixers = tuple(
            self.mixers[layer * len(self.mixers) // layers] for layer in range(layers)
        )
        positions = "sinusoidal" if {*mixers} <= WITHOUT_POSITIONS else "none"
        settings = {"mixer": mixers, "positions": positions, **self.changes}
        return dataclasses.replace(base, **settings)


# The Music Transformer's best on chorales; the features are the chorale tokenizer's.
PITCH_AND_TIME = {
    "positions": "concatenated",
    "mixer_options": {"relative_global": {"tokens_per_step": 4, "num_pitches": 48}},
}

HYBRIDS = {
    "relative_pitch_time": Contender(("relative_global",), PITCH_AND_TIME),
    "relative_global_blockwise": Contender(
        ("relative_global",), {"attention_block_size": 256}
    ),
    "fourier_relative": Contender(("causal_fourier",) * 3 + ("relative_global",)),
    "convolution_relative": Contender(
        ("fourier_convolution",) * 3 + ("relative_global",)
    ),
    "convolution_pitch_time": Contender(
        ("fourier_convolution",) * 3 + ("relative_global",), PITCH_AND_TIME
    ),
}


def contenders() -> dict[str, Contender]:
    """All that can be run, by name."""
    single = {name: Contender((name,)) for name in MIXERS}
    hybrids = {name: hybrid for name, hybrid in HYBRIDS.items() if not hybrid.missing}
    return {**single, **hybrids}
