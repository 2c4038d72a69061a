"""Keras models."""

from tfmusic.models.music_decoder import MusicDecoder

__all__ = ["MusicDecoder"]
