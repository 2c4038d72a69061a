"""What every export starts from: a float32 model whose ids are its tokenizer's."""

import dataclasses

from tfmusic.errors import UserError
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import Tokenizer


def inference_model(
    model: MusicDecoder, tokenizer: Tokenizer | None = None
) -> MusicDecoder:
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
    copy = MusicDecoder(**dataclasses.asdict(model.config), dtype="float32")
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
