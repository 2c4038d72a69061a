"""Token mixers by the names that a model's config uses."""

import keras

from tfmusic.errors import UserError
from tfmusic.layers import CausalMultiHeadAttention, RelativeGlobalAttention, TokenMixer


def _attention_options(config):
    return {
        "num_heads": config.num_heads,
        "key_dim": config.key_dim or config.hidden_dim // config.num_heads,
        "dropout": config.attention_dropout,
        "use_bias": config.attention_bias,
    }


def _relative_options(config):
    max_distance = config.max_distance or config.max_length
    return {**_attention_options(config), "max_distance": max_distance}


# For each name the layer, and its arguments as they follow from a `ModelConfig`.
MIXERS = {
    "causal": (CausalMultiHeadAttention, _attention_options),
    "relative_global": (RelativeGlobalAttention, _relative_options),
}


def make_mixers(config, dtype) -> list[TokenMixer]:
    """A mixer for each layer of a `ModelConfig`.

    Raises:
        UserError: an option is not one of its mixer's, or its value is refused.
        ValueError: a name is unknown, or the names do not match the layers.
    """
    names = config.mixer
    if isinstance(names, str):
        names = (names,) * config.num_layers
    if len(names) != config.num_layers:
        raise ValueError(f"{len(names)} mixers for {config.num_layers} layers")
    unknown = sorted({*names, *config.mixer_options} - set(MIXERS))
    if unknown:
        raise ValueError(f"unknown mixer {unknown[0]!r}; known: {sorted(MIXERS)}")
    dtype = keras.dtype_policies.get(dtype)
    return [_make_mixer(config, name, dtype) for name in names]


def _make_mixer(config, name, dtype):
    layer, options = MIXERS[name]
    options = {**options(config), **config.mixer_options.get(name, {})}
    try:
        return layer(**options, dtype=dtype, name="mixer")
    except (TypeError, ValueError) as error:
        raise UserError(f"mixer {name!r}: {error}") from error
