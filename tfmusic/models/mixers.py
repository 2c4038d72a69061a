"""Token mixers by the names that a model's config uses."""

import keras

from tfmusic.layers import CausalMultiHeadAttention, RelativeGlobalAttention, TokenMixer


def _attention_options(config):
    return {
        "num_heads": config.num_heads,
        "key_dim": config.key_dim or config.hidden_dim // config.num_heads,
        "dropout": config.attention_dropout,
        "use_bias": config.attention_bias,
    }


MIXERS = {
    "causal": lambda config, **kwargs: CausalMultiHeadAttention(
        **_attention_options(config), **kwargs
    ),
    "relative_global": lambda config, **kwargs: RelativeGlobalAttention(
        max_distance=config.max_distance or config.max_length,
        **_attention_options(config),
        **kwargs,
    ),
}


def make_mixers(config, dtype) -> list[TokenMixer]:
    """A mixer for each layer of a `ModelConfig`.

    Raises:
        ValueError: a name is unknown, or the names do not match the layers.
    """
    names = config.mixer
    if isinstance(names, str):
        names = (names,) * config.num_layers
    if len(names) != config.num_layers:
        raise ValueError(f"{len(names)} mixers for {config.num_layers} layers")
    unknown = sorted(set(names) - set(MIXERS))
    if unknown:
        raise ValueError(f"unknown mixer {unknown[0]!r}; known: {sorted(MIXERS)}")
    dtype = keras.dtype_policies.get(dtype)
    return [MIXERS[name](config, dtype=dtype, name="mixer") for name in names]
