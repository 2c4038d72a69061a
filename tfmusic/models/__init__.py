"""Keras models."""

from tfmusic.models.chorale_infiller import ChoraleInfiller
from tfmusic.models.kinds import make_model
from tfmusic.models.music_decoder import MusicDecoder

__all__ = ["ChoraleInfiller", "MusicDecoder", "make_model"]
