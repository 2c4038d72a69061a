"""From logits to ids: samplers, the decode loop, and music out of a model."""

from tfmusic.sampling.decode import DecodeLoop
from tfmusic.sampling.model_generator import ModelGenerator, generate
from tfmusic.sampling.samplers import Sampler, penalize_repetition, sample

__all__ = [
    "DecodeLoop",
    "ModelGenerator",
    "Sampler",
    "generate",
    "penalize_repetition",
    "sample",
]
