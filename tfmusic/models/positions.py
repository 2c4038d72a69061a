"""Absolute positions by the names that a model's config uses."""

import keras

from tfmusic.layers import (
    ConcatenatedSinusoids,
    LearnedPositions,
    SinusoidalPositions,
)

# For each name the layer, and its arguments as they follow from a `ModelConfig`.
POSITIONS = {
    "concatenated": (ConcatenatedSinusoids, lambda config: {}),
    "learned": (LearnedPositions, lambda config: {"max_length": config.max_length}),
    "sinusoidal": (SinusoidalPositions, lambda config: {}),
}


def make_positions(config, dtype) -> keras.layers.Layer | None:
    """The layer that `config.positions` names; None for "none".

    Raises:
        ValueError: the name is unknown.
    """
    if config.positions == "none":
        return None
    if config.positions not in POSITIONS:
        raise ValueError(
            f"positions {config.positions!r}: expected one of "
            f"{', '.join(['none', *POSITIONS])}"
        )
    layer, options = POSITIONS[config.positions]
    return layer(**options(config), dtype=dtype, name="positions")
