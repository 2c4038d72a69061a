"""Tiny models of every kind that is exported, and what they became."""

import dataclasses

import pytest

from tests import goldens
from tfmusic.config import ModelConfig
from tfmusic.export import tflite
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import ChoraleTokenizer

# The cache grows once on the way to 160 rows, which two chunks do not fill; that is
# far beyond the longest distance and the last learned position.
KINDS = {
    "relative": {"mixer": "relative_global", "max_distance": 10},
    "learned": {"mixer": "causal", "positions": "learned"},
    "sinusoidal": {"mixer": "causal", "positions": "sinusoidal", "features": {}},
    "hybrid": {
        "mixer": ("relative_global", "causal"),
        "max_distance": 300,
        "positions": "sinusoidal",
        "activation": "relu",
        "attention_bias": False,
        "features": {"voice": 5, "beat": 17, "pitch": 48},
    },
}


def make_model(tokenizer, dtype=None, **options):
    """A model of two layers for the tokenizer, with weights that are not special."""
    config = {
        "vocabulary_size": tokenizer.vocabulary.size,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 32,
        "intermediate_dim": 48,
        "max_length": 160,
        "features": {"voice": 5, "beat": 17},
        **options,
    }
    config = dataclasses.asdict(ModelConfig(**config))
    model = MusicDecoder(**config, dtype=dtype)
    goldens.shake(model)
    return model


@pytest.fixture(scope="session")
def tokenizer():
    return ChoraleTokenizer()


@pytest.fixture(scope="session")
def make(tokenizer):
    """make(**options): a tiny model for the tokenizer."""
    return lambda **options: make_model(tokenizer, **options)


@pytest.fixture(scope="session", params=KINDS)
def model(request, make):
    """A model of each kind."""
    return make(**KINDS[request.param])


@pytest.fixture(scope="session")
def small(make):
    """A model whose cache is soon full."""
    return make(max_length=16, max_distance=10)


@pytest.fixture(scope="session")
def convert(tokenizer, tmp_path_factory):
    """convert(model, quantization): the path of its .tflite."""

    def convert(model, quantization="none"):
        path = tmp_path_factory.mktemp("tflite") / "model.tflite"
        tflite.convert(model, tokenizer, path, quantization)
        return path

    return convert


@pytest.fixture(scope="session")
def exported(model, convert):
    """The float32 .tflite of each kind of model."""
    return convert(model)


@pytest.fixture(scope="session")
def small_exported(small, convert):
    """The float32 .tflite of the model whose cache is soon full."""
    return convert(small)
