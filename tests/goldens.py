"""A tiny instance of every public layer and model, for the tests that all go through.

A new layer is one line in `GOLDENS`; `tests/test_conformance.py` fails without it.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from tfmusic.layers import (
    AttentionDropout,
    BidirectionalAttention,
    CausalFourierMixing,
    CausalMultiHeadAttention,
    ConcatenatedSinusoids,
    DecoderBlock,
    DenseSynthesizer,
    DilatedWindowAttention,
    FeedForward,
    FNetBlock,
    FourierConvolution,
    FourierMixing,
    HashedAttention,
    LearnedPositions,
    LowRankAttention,
    RandomFeatureAttention,
    RandomSynthesizer,
    RelativeGlobalAttention,
    RelativeLocalAttention,
    ShawAttention,
    SinusoidalPositions,
)
from tfmusic.models import ChoraleInfiller, MusicDecoder

DIM = 8
VOCABULARY_SIZE = 11
VOICES = 5
PITCHES = 9


def hidden(batch, time):
    """Hidden vectors `[B, T, D]`."""
    shape = (batch, time, DIM)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def tokens(batch, time):
    """A model's inputs, int32 `[B, T]` each."""
    generator = np.random.default_rng(0)
    return {
        name: generator.integers(0, size, (batch, time), "int32")
        for name, size in (
            ("tokens", VOCABULARY_SIZE),
            ("voice", VOICES),
            ("pitch", PITCHES),
        )
    }


def packed_tokens(batch, time):
    """As `tokens`, two pieces in each window but for those of one token."""
    cuts = 1 + np.arange(batch)[:, None] * 3 % 5
    segment = (np.arange(time) >= cuts).astype("int32")
    return {**tokens(batch, time), "segment": segment}


@dataclasses.dataclass(frozen=True)
class Golden:
    """How to make a layer of a dtype policy, and inputs of a batch and a time."""

    make: Callable[[str], keras.layers.Layer]
    inputs: Callable[[int, int], object] = hidden
    float32_sums: bool = False  # its matrix products are sums over all time


# By class, or class and variant: "DecoderBlock", "DecoderBlock/relu".
GOLDENS = {
    "BidirectionalAttention": Golden(
        lambda dtype: BidirectionalAttention(2, 3, max_distance=4, dtype=dtype)
    ),
    "CausalMultiHeadAttention": Golden(
        lambda dtype: CausalMultiHeadAttention(num_heads=2, key_dim=3, dtype=dtype)
    ),
    "RandomFeatureAttention": Golden(
        lambda dtype: RandomFeatureAttention(
            2, 3, num_features=5, chunk_size=3, dtype=dtype
        ),
        float32_sums=True,
    ),
    "RandomSynthesizer": Golden(
        lambda dtype: RandomSynthesizer(2, 3, max_length=5, dtype=dtype)
    ),
    "DenseSynthesizer": Golden(
        lambda dtype: DenseSynthesizer(2, 3, max_length=5, dtype=dtype)
    ),
    "LowRankAttention": Golden(
        lambda dtype: LowRankAttention(2, 3, max_length=12, rank=4, dtype=dtype)
    ),
    "HashedAttention": Golden(lambda dtype: HashedAttention(2, 3, dtype=dtype)),
    "HashedAttention/chunks": Golden(
        lambda dtype: HashedAttention(
            2, 3, num_hashes=2, num_buckets=4, chunk_size=3, dtype=dtype
        )
    ),
    "CausalFourierMixing/matmul": Golden(
        lambda dtype: CausalFourierMixing(6, method="matmul", dtype=dtype)
    ),
    "CausalFourierMixing/chirp": Golden(
        lambda dtype: CausalFourierMixing(6, method="chirp", dtype=dtype)
    ),
    "RelativeLocalAttention": Golden(
        lambda dtype: RelativeLocalAttention(2, 3, block_size=2, dtype=dtype)
    ),
    "DilatedWindowAttention": Golden(
        lambda dtype: DilatedWindowAttention(2, 3, window=3, dtype=dtype)
    ),
    "DilatedWindowAttention/dilations": Golden(
        lambda dtype: DilatedWindowAttention(2, 3, 2, dilation=(3, 1), dtype=dtype)
    ),
    "FourierMixing": Golden(lambda dtype: FourierMixing(dtype=dtype)),
    "FourierMixing/rfft2d": Golden(lambda dtype: FourierMixing("rfft2d", dtype=dtype)),
    "FourierMixing/matmul": Golden(lambda dtype: FourierMixing("matmul", dtype=dtype)),
    "FNetBlock": Golden(lambda dtype: FNetBlock(intermediate_dim=12, dtype=dtype)),
    "RelativeGlobalAttention": Golden(
        lambda dtype: RelativeGlobalAttention(
            num_heads=2, key_dim=4, max_distance=4, use_bias=False, dtype=dtype
        )
    ),
    "CausalMultiHeadAttention/blockwise": Golden(
        lambda dtype: CausalMultiHeadAttention(2, 3, block_size=3, dtype=dtype)
    ),
    "RelativeGlobalAttention/blockwise": Golden(
        lambda dtype: RelativeGlobalAttention(
            2, 4, max_distance=4, use_bias=False, block_size=3, dtype=dtype
        )
    ),
    "ShawAttention": Golden(
        lambda dtype: ShawAttention(2, 4, max_distance=4, dtype=dtype)
    ),
    "ShawAttention/blockwise": Golden(
        lambda dtype: ShawAttention(2, 4, max_distance=4, block_size=2, dtype=dtype)
    ),
    "AttentionDropout": Golden(lambda dtype: AttentionDropout(0.1, dtype=dtype)),
    "FeedForward": Golden(lambda dtype: FeedForward(12, dtype=dtype)),
    "DecoderBlock": Golden(
        lambda dtype: DecoderBlock(
            RelativeGlobalAttention(2, 4, max_distance=4, dtype=dtype),
            intermediate_dim=12,
            activation="relu",
            dtype=dtype,
        )
    ),
    "FourierConvolution": Golden(
        lambda dtype: FourierConvolution(period=6, windows=(2.0, 9.0), dtype=dtype)
    ),
    "FourierConvolution/odd": Golden(
        lambda dtype: FourierConvolution(period=5, windows=(4,), dtype=dtype)
    ),
    "MusicDecoder/held_notes": Golden(
        lambda dtype: MusicDecoder(
            vocabulary_size=VOCABULARY_SIZE,
            num_layers=1,
            num_heads=2,
            hidden_dim=DIM,
            intermediate_dim=12,
            max_length=12,
            mixer="fourier_convolution",
            mixer_options={
                "fourier_convolution": {"tokens_per_step": 2, "max_held": 3}
            },
            dtype=dtype,
        ),
        tokens,
    ),
    "LearnedPositions": Golden(lambda dtype: LearnedPositions(5, dtype=dtype)),
    "ConcatenatedSinusoids": Golden(lambda dtype: ConcatenatedSinusoids(dtype=dtype)),
    "SinusoidalPositions": Golden(lambda dtype: SinusoidalPositions(dtype=dtype)),
    "MusicDecoder/pitch_and_time": Golden(
        lambda dtype: MusicDecoder(
            vocabulary_size=VOCABULARY_SIZE,
            num_layers=1,
            num_heads=2,
            hidden_dim=DIM,
            intermediate_dim=12,
            max_length=16,
            mixer_options={
                "relative_global": {"tokens_per_step": 4, "num_pitches": PITCHES}
            },
            max_distance=6,
            dtype=dtype,
        ),
        tokens,
    ),
    "MusicDecoder": Golden(
        lambda dtype: MusicDecoder(
            vocabulary_size=VOCABULARY_SIZE,
            num_layers=2,
            num_heads=2,
            hidden_dim=DIM,
            intermediate_dim=12,
            max_length=16,
            mixer=("causal", "relative_global"),
            max_distance=4,
            positions="sinusoidal",
            features={"voice": VOICES},
            dtype=dtype,
        ),
        tokens,
    ),
    "MusicDecoder/segments": Golden(
        lambda dtype: MusicDecoder(
            vocabulary_size=VOCABULARY_SIZE,
            num_layers=2,
            num_heads=2,
            hidden_dim=DIM,
            intermediate_dim=12,
            max_length=16,
            mixer=("relative_local", "shaw"),
            mixer_options={
                "relative_local": {"block_size": 2},
                "shaw": {"block_size": 3},
            },
            max_distance=4,
            positions="learned",
            dtype=dtype,
        ),
        packed_tokens,
    ),
    "ChoraleInfiller": Golden(
        lambda dtype: ChoraleInfiller(
            vocabulary_size=VOCABULARY_SIZE,
            num_layers=1,
            num_heads=2,
            hidden_dim=DIM,
            intermediate_dim=12,
            max_length=16,
            mixer="full",
            max_distance=4,
            features={"voice": VOICES},
            attention_bias=False,
            dtype=dtype,
        ),
        tokens,
    ),
}


def make(name, dtype="float32"):
    """A golden's layer, built, with weights of which none are special."""
    # Rounding errors depend on the weights: what is close enough once is always.
    keras.utils.set_random_seed(0)
    layer = GOLDENS[name].make(dtype)
    if not layer.built:
        layer.build((None, None, DIM))
    shake(layer)
    return layer


def shake(layer):
    """Adds noise to all weights, so that no bias is zero and no scale is one."""
    generator = np.random.default_rng(1)
    layer.set_weights(
        [value + generator.normal(0, 0.2, value.shape) for value in layer.get_weights()]
    )
