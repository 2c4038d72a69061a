"""Models by the kinds that a config names."""

import dataclasses

from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.models.chorale_infiller import ChoraleInfiller
from tfmusic.models.music_decoder import MusicDecoder
from tfmusic.models.music_transformer import MusicTransformer

KINDS = {model.kind: model for model in (MusicDecoder, ChoraleInfiller)}


def make_model(config: ModelConfig, dtype: str | None = None) -> MusicTransformer:
    """The model of a config.

    Raises:
        UserError: the config is refused.
    """
    try:
        return KINDS[config.kind](**dataclasses.asdict(config), dtype=dtype)
    except ValueError as error:
        raise UserError(str(error)) from error
