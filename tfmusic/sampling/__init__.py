"""From logits to ids: samplers, the decode loop, and music out of a model."""

from tfmusic.sampling.decode import DecodeLoop
from tfmusic.sampling.generators import load_generator
from tfmusic.sampling.infiller import Infiller
from tfmusic.sampling.model_generator import ModelGenerator, generate
from tfmusic.sampling.samplers import Sampler, penalize_repetition, sample
from tfmusic.sampling.seconds import generate_seconds

__all__ = [
    "DecodeLoop",
    "Infiller",
    "ModelGenerator",
    "Sampler",
    "generate",
    "generate_seconds",
    "load_generator",
    "penalize_repetition",
    "sample",
]
