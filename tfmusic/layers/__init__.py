"""Keras layers: token mixers and what surrounds them in a block."""

from tfmusic.layers.bidirectional_attention import BidirectionalAttention
from tfmusic.layers.cache import apply_update
from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention
from tfmusic.layers.concatenated_sinusoids import ConcatenatedSinusoids
from tfmusic.layers.decoder_block import DecoderBlock
from tfmusic.layers.dense_synthesizer import DenseSynthesizer
from tfmusic.layers.feed_forward import FeedForward
from tfmusic.layers.fourier_convolution import FourierConvolution
from tfmusic.layers.positions import LearnedPositions, SinusoidalPositions
from tfmusic.layers.random_feature_attention import RandomFeatureAttention
from tfmusic.layers.random_synthesizer import RandomSynthesizer
from tfmusic.layers.relative_global_attention import RelativeGlobalAttention
from tfmusic.layers.token_mixer import TokenMixer

__all__ = [
    "BidirectionalAttention",
    "CausalMultiHeadAttention",
    "ConcatenatedSinusoids",
    "DecoderBlock",
    "DenseSynthesizer",
    "FeedForward",
    "FourierConvolution",
    "LearnedPositions",
    "RandomFeatureAttention",
    "RandomSynthesizer",
    "RelativeGlobalAttention",
    "SinusoidalPositions",
    "TokenMixer",
    "apply_update",
]
