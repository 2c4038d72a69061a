"""Every token mixer, and every kind of cache, through every export."""

import dataclasses

import keras
import numpy as np
import pytest

from tests.memory_mixers import MEMORY_MIXERS
from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.export import runtime, saved_model, tflite, verify
from tfmusic.models import MusicDecoder, mixers, positions
from tfmusic.sampling import ModelGenerator, Sampler

NAMES = [*sorted(mixers.MIXERS), *MEMORY_MIXERS, ("relative_global", "voice_mean")]
# Each mixer meets one of each; together they meet all.
POSITIONS = ["none", *positions.POSITIONS]
SIZES = {"voice": 5, "beat": 17, "pitch": 48}
FEATURES = [(), ("voice", "beat", "pitch"), ("pitch",), ("voice", "beat"), ("beat",)]
# The penalty keeps an untrained model from one note for ever.
SAMPLER = Sampler(temperature=0.0, repetition_penalty=2.0)
PRIMES = [np.arange(10, 20), np.arange(0), np.arange(40, 9, -1)]


@pytest.fixture(scope="module", autouse=True)
def small_steps():
    """The cache grows three times, and primes are several chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixers, "MIXERS", {**mixers.MIXERS, **MEMORY_MIXERS})
        patch.setattr(tflite, "CHUNK", 5)
        patch.setattr(runtime, "CACHE_GROWTH", 8)
        yield


@pytest.fixture(scope="module", params=range(len(NAMES)), ids=lambda i: str(NAMES[i]))
def model(request, make):
    index, mixer = request.param, NAMES[request.param]
    return make(
        mixer=mixer,
        num_layers=1 if isinstance(mixer, str) else len(mixer),
        hidden_dim=16,
        intermediate_dim=16,
        max_length=24,
        max_distance=10,
        positions=POSITIONS[index % len(POSITIONS)],
        mixer_options={"fourier_convolution": {"tokens_per_step": 4}},
        features={name: SIZES[name] for name in FEATURES[index % len(FEATURES)]},
    )


@pytest.fixture(scope="module")
def music(model, tokenizer):
    """The model's own greedy music, past the cache."""
    generator = ModelGenerator(model, tokenizer, jit_compile=False)
    pieces = [piece.tolist() for piece in generator.generate(PRIMES, 20, SAMPLER)]
    assert max(len(set(piece)) for piece in pieces) > 5
    return pieces


def test_tflite(model, tokenizer, convert, music):
    path = convert(model)
    verify.verify_tflite(model, tokenizer, path)  # within 1e-4, builtin operators only
    exported = runtime.load(path)
    kinds = [kind for layer in model.cache_kinds for kind in layer]
    assert list(exported.about["cache"].values()) == kinds
    # One after another, so each begins with what the last one left in the cache.
    pieces = exported.generate(PRIMES, 20, **dataclasses.asdict(SAMPLER))
    assert [piece.tolist() for piece in pieces] == music


def test_int8(model, tokenizer, convert):
    path = convert(model, "dynamic_int8")
    assert all(verify.is_builtin(name) for name in verify.operators(path))
    (ids,) = runtime.load(path).generate([[20, 21]], 10)
    assert ids[:2].tolist() == [20, 21]


@pytest.mark.parametrize("quantization", ["float16", "int8"])
@pytest.mark.parametrize("mixer", sorted(mixers.MIXERS))
def test_other_quantizations_are_near_or_refused(
    mixer, quantization, tokenizer, tmp_path
):
    keras.utils.set_random_seed(0)
    config = ModelConfig(
        tokenizer.vocabulary.size,
        num_layers=1,
        num_heads=2,
        hidden_dim=64,
        intermediate_dim=64,
        max_length=96,
        mixer=mixer,
    )
    model = MusicDecoder(**dataclasses.asdict(config))
    path = tmp_path / "model.tflite"
    music = list(np.random.default_rng(0).integers(3, 50, (2, 95)))

    def export():
        tflite.convert(model, tokenizer, path, quantization, music, chunk=16)
        return verify.verify_tflite(model, tokenizer, path, music)["held_out"]

    if quantization == "float16" or mixer in ("causal", "relative_global"):
        assert export().top1_agreement > 0.8
        return
    try:  # integers, if they are near without training
        export()
    except (UserError, verify.VerificationError) as error:
        assert "another" in str(error) and "\n" not in str(error)


def test_saved_model(model, tokenizer, tmp_path, music):
    saved_model.save_model(model, tmp_path / "saved", tokenizer)
    pieces = saved_model.load(tmp_path / "saved").generate(PRIMES, 20, SAMPLER)
    assert [piece.tolist() for piece in pieces] == music
