"""Keras layers: token mixers and what surrounds them in a block."""

from tfmusic.layers.attention_dropout import AttentionDropout
from tfmusic.layers.bidirectional_attention import BidirectionalAttention
from tfmusic.layers.cache import apply_update
from tfmusic.layers.causal_fourier_mixing import CausalFourierMixing
from tfmusic.layers.causal_multi_head_attention import CausalMultiHeadAttention
from tfmusic.layers.concatenated_sinusoids import ConcatenatedSinusoids
from tfmusic.layers.decoder_block import DecoderBlock
from tfmusic.layers.dense_synthesizer import DenseSynthesizer
from tfmusic.layers.dilated_window_attention import DilatedWindowAttention
from tfmusic.layers.feed_forward import FeedForward
from tfmusic.layers.fnet_block import FNetBlock
from tfmusic.layers.fourier_convolution import FourierConvolution
from tfmusic.layers.fourier_mixing import FourierMixing
from tfmusic.layers.hashed_attention import HashedAttention
from tfmusic.layers.low_rank_attention import LowRankAttention
from tfmusic.layers.positions import LearnedPositions, SinusoidalPositions
from tfmusic.layers.random_feature_attention import RandomFeatureAttention
from tfmusic.layers.random_synthesizer import RandomSynthesizer
from tfmusic.layers.relative_global_attention import RelativeGlobalAttention
from tfmusic.layers.relative_local_attention import RelativeLocalAttention
from tfmusic.layers.shaw_attention import ShawAttention
from tfmusic.layers.token_mixer import TokenMixer

__all__ = [
    "AttentionDropout",
    "BidirectionalAttention",
    "CausalFourierMixing",
    "CausalMultiHeadAttention",
    "ConcatenatedSinusoids",
    "DecoderBlock",
    "DenseSynthesizer",
    "DilatedWindowAttention",
    "FNetBlock",
    "FeedForward",
    "FourierConvolution",
    "FourierMixing",
    "HashedAttention",
    "LearnedPositions",
    "LowRankAttention",
    "RandomFeatureAttention",
    "RandomSynthesizer",
    "RelativeGlobalAttention",
    "RelativeLocalAttention",
    "ShawAttention",
    "SinusoidalPositions",
    "TokenMixer",
    "apply_update",
]
