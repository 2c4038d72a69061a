"""What every export starts from: a float32 model whose ids are its tokenizer's."""

import dataclasses

from tfmusic.errors import UserError
from tfmusic.models.mixers import mixer_names
from tfmusic.models.music_transformer import MusicTransformer
from tfmusic.tokenizers import Tokenizer

# Mixers that do not become TFLite's operators: rank 6, and a hash that rounding flips.
OFF_DEVICE = ("reformer",)


def inference_model(
    model: MusicTransformer, tokenizer: Tokenizer | None = None
) -> MusicTransformer:
    """The model in float32: itself, or a copy where it computes in another dtype.

    Args:
        model: whose variables are float32, as they are under every policy here.
        tokenizer: the one that the model was trained with, if it is to be exported
            with it.

    Raises:
        UserError: the tokenizer's ids or features are not the model's.
    """
    if tokenizer is not None:
        _check_tokenizer(model, tokenizer)
    if model.dtype_policy.compute_dtype == "float32":
        return model
    return _copy(model, model.config)


def device_model(
    model: MusicTransformer, tokenizer: Tokenizer, integers: bool = False
) -> MusicTransformer:
    """The same model of operators that TFLite has: itself, or a copy.

    Fourier mixing is an RFFT2D where both of its axes are powers of two, as that
    operator needs, and else matmuls.

    Args:
        model, tokenizer: see `inference_model`.
        integers: whether the graph will be of integers alone, which have no FFT.

    Raises:
        UserError: see `inference_model`; a mixer can't be made of those operators.
    """
    names = mixer_names(model.config)
    for name in OFF_DEVICE:
        if name in names:
            raise UserError(
                f"mixer {name!r} needs operators that TFLite lacks: export with "
                "--formats=saved_model, or train with another mixer"
            )
    if "fourier" not in names:
        return inference_model(model, tokenizer)
    _check_tokenizer(model, tokenizer)
    sizes = model.max_length, model.config.hidden_dim
    has_fft = not integers and all(size & (size - 1) == 0 for size in sizes)
    method = "rfft2d" if has_fft else "matmul"
    options = {**model.config.mixer_options, "fourier": {"method": method}}
    return _copy(model, dataclasses.replace(model.config, mixer_options=options))


def _copy(model, config):
    copy = type(model)(**dataclasses.asdict(config), dtype="float32")
    copy.set_weights(model.get_weights())
    return copy


def _check_tokenizer(model, tokenizer):
    named = f"tokenizer {tokenizer.name} ({tokenizer.hash})"
    if tokenizer.vocabulary.size != model.config.vocabulary_size:
        raise UserError(
            f"the model has {model.config.vocabulary_size} ids, {named} has "
            f"{tokenizer.vocabulary.size}: use the one that it was trained with"
        )
    for name, num_values in model.config.features.items():
        if tokenizer.features.get(name) != num_values:
            raise UserError(
                f"the model takes the feature {name} of {num_values} values, {named} "
                f"has {tokenizer.features}: use the one that it was trained with"
            )
    missing = [name for name in model.feature_names if name not in tokenizer.features]
    if missing:
        raise UserError(
            f"the model's mixers read the feature {missing[0]}, {named} has "
            f"{tokenizer.features}: use the one that it was trained with"
        )
