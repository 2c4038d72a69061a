"""Statistics of music: how generated pieces compare with real ones."""

from tfmusic.statistics.comparison import Comparison, compare
from tfmusic.statistics.copies import Copy, Corpus
from tfmusic.statistics.density import kl_divergence, overlap_area
from tfmusic.statistics.features import FEATURES, note_features, sequence_features

__all__ = [
    "FEATURES",
    "Comparison",
    "Copy",
    "Corpus",
    "compare",
    "kl_divergence",
    "note_features",
    "overlap_area",
    "sequence_features",
]
