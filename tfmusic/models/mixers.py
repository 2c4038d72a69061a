"""Token mixers by the names that a model's config uses."""

import keras

from tfmusic.errors import UserError
from tfmusic.layers import (
    BidirectionalAttention,
    CausalFourierMixing,
    CausalMultiHeadAttention,
    DenseSynthesizer,
    DilatedWindowAttention,
    FourierConvolution,
    FourierMixing,
    HashedAttention,
    LowRankAttention,
    RandomFeatureAttention,
    RandomSynthesizer,
    RelativeGlobalAttention,
    RelativeLocalAttention,
    ShawAttention,
    TokenMixer,
)


def _attention_options(config):
    return {
        "num_heads": config.num_heads,
        "key_dim": config.key_dim or config.hidden_dim // config.num_heads,
        "dropout": config.attention_dropout,
        "use_bias": config.attention_bias,
    }


def _blockwise_options(config):
    options = _attention_options(config)
    return {**options, "block_size": config.attention_block_size}


def _undropped_options(config):
    options = _attention_options(config)
    del options["dropout"]
    return options


def _hashed_options(config):
    num_buckets = 2 * max(config.max_length // 32, 1)  # half a chunk in each
    return {**_attention_options(config), "num_buckets": num_buckets}


def _length_options(config):
    return {**_attention_options(config), "max_length": config.max_length}


def _relative_options(config):
    max_distance = config.max_distance or config.max_length
    return {**_attention_options(config), "max_distance": max_distance}


def _global_options(config):
    return {**_blockwise_options(config), **_relative_options(config)}


def _local_options(config):
    return {**_attention_options(config), "block_size": min(128, config.max_length)}


def _dilated_options(config):
    """Near and far in each layer: a quarter of the heads at 1, 2, 4 and 8."""
    window = min(64, config.max_length)
    farthest = config.max_length // window
    dilations = (2 ** (4 * n // config.num_heads) for n in range(config.num_heads))
    dilation = tuple(min(each, farthest) for each in dilations)
    return {**_attention_options(config), "window": window, "dilation": dilation}


# Of decoders: for each name the layer, and its arguments as they follow from a
# `ModelConfig`.
MIXERS = {
    "causal": (CausalMultiHeadAttention, _blockwise_options),
    "causal_fourier": (
        CausalFourierMixing,
        lambda config: {"period": config.max_length},
    ),
    "performer": (RandomFeatureAttention, _undropped_options),
    "random_synthesizer": (RandomSynthesizer, _length_options),
    "dense_synthesizer": (DenseSynthesizer, _length_options),
    "fourier_convolution": (FourierConvolution, lambda config: {}),
    "dilated_window": (DilatedWindowAttention, _dilated_options),
    "relative_global": (RelativeGlobalAttention, _global_options),
    "relative_local": (RelativeLocalAttention, _local_options),
    "shaw": (ShawAttention, _global_options),
}

# Of encoders, whose tokens see what follows them: the same for their names.
ENCODER_MIXERS = {
    "full": (BidirectionalAttention, _relative_options),
    "fourier": (FourierMixing, lambda config: {}),
    "linformer": (LowRankAttention, _length_options),
    "reformer": (HashedAttention, _hashed_options),
}


def mixer_names(config) -> tuple[str, ...]:
    """The name of each layer's mixer.

    Raises:
        ValueError: the names do not match the layers.
    """
    names = config.mixer
    if isinstance(names, str):
        names = (names,) * config.num_layers
    if len(names) != config.num_layers:
        raise ValueError(f"{len(names)} mixers for {config.num_layers} layers")
    return tuple(names)


def make_mixers(config, dtype, causal=True) -> list[TokenMixer]:
    """A mixer for each layer of a `ModelConfig`.

    Args:
        config: a `ModelConfig`, or another with the fields that mixers need.
        dtype: a dtype policy or its name.
        causal: whether for a decoder (`MIXERS`) or an encoder (`ENCODER_MIXERS`).

    Raises:
        UserError: an option is not one of its mixer's, or its value is refused.
        ValueError: a name is unknown or an encoder's where a decoder's is needed, or
            the names do not match the layers.
    """
    names = mixer_names(config)
    known = MIXERS if causal else ENCODER_MIXERS
    unknown = sorted({*names, *config.mixer_options} - set(known))
    if unknown and causal and unknown[0] in ENCODER_MIXERS:
        raise ValueError(
            f"mixer {unknown[0]!r} is not causal, its tokens see what follows them; a "
            f"decoder needs one of {sorted(MIXERS)}"
        )
    if unknown:
        raise ValueError(f"unknown mixer {unknown[0]!r}; known: {sorted(known)}")
    dtype = keras.dtype_policies.get(dtype)
    return [_make_mixer(config, name, known, dtype) for name in names]


def _make_mixer(config, name, known, dtype):
    layer, options = known[name]
    options = {**options(config), **config.mixer_options.get(name, {})}
    try:
        return layer(**options, dtype=dtype, name="mixer")
    except (TypeError, ValueError) as error:
        raise UserError(f"mixer {name!r}: {error}") from error
