"""Music to ids and back."""

from tfmusic.tokenizers.chorale import ChoraleTokenizer
from tfmusic.tokenizers.grammar import Grammar
from tfmusic.tokenizers.melody import MelodyTokenizer
from tfmusic.tokenizers.multitrack import MultitrackTokenizer
from tfmusic.tokenizers.performance import PerformanceTokenizer
from tfmusic.tokenizers.remi import RemiTokenizer
from tfmusic.tokenizers.tokenizer import (
    TOKENIZERS,
    Tokenizer,
    check_same,
    get_tokenizer,
    register_tokenizer,
    tokenizer_from_json,
)
from tfmusic.tokenizers.vocabulary import (
    BOS,
    EOS,
    NUM_SPECIAL,
    PAD,
    EventRange,
    Vocabulary,
)

__all__ = [
    "BOS",
    "EOS",
    "NUM_SPECIAL",
    "PAD",
    "TOKENIZERS",
    "ChoraleTokenizer",
    "EventRange",
    "Grammar",
    "MelodyTokenizer",
    "MultitrackTokenizer",
    "PerformanceTokenizer",
    "RemiTokenizer",
    "Tokenizer",
    "Vocabulary",
    "check_same",
    "get_tokenizer",
    "register_tokenizer",
    "tokenizer_from_json",
]
