"""Music, a model and a training that are small enough for tests."""

import dataclasses
import json

import numpy as np

from tfmusic.config import ModelConfig, TrainConfig
from tfmusic.datasets.pieces import Pieces
from tfmusic.tokenizers import ChoraleTokenizer

TOKENIZER = ChoraleTokenizer()

# Attention has no bias here: a key's has no gradient but rounding errors, which Adam
# makes as large as any other, so that no two ways to compute would agree.
MODEL = ModelConfig(
    vocabulary_size=TOKENIZER.vocabulary.size,
    num_layers=1,
    num_heads=2,
    hidden_dim=8,
    intermediate_dim=16,
    max_length=16,
    features={"beat": 17},
    dropout=0.0,
    attention_bias=False,
)

INFILLER = dataclasses.replace(
    MODEL, kind="infiller", mixer="full", features={"beat": 17, "voice": 5}
)

TRAIN = TrainConfig(
    dataset="jsb_chorales",
    tokenizer="chorale",
    steps=4,
    batch_size=4,
    length=16,
    learning_rate=1e-2,
    warmup_steps=1,
    schedule="constant",
    transpose=3,
    xla=False,
    watch_every=0,
)


def make_pieces(*lengths: int, seed: int = 0) -> Pieces:
    """Pieces of so many random tokens, rests among them, far from the range's ends."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(10, 40, sum(lengths), np.int32)
    ids[generator.random(len(ids)) < 0.1] = TOKENIZER.vocabulary.encode("REST", 0)
    return Pieces(
        ids=ids,
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        names=[f"piece_{index}" for index in range(len(lengths))],
        num_notes=np.array(lengths, np.int64) // 2 + 1,
        seconds=np.array(lengths, np.float64) / 32,
    )


def write_jsb(path):
    """Writes data as JSB Chorales come: pieces of 8 and 12, 9 and 4, 5 steps."""
    generator = np.random.default_rng(0)

    def pieces(*steps):
        return [
            (generator.integers(-2, 3, (n, 4)) + (67, 62, 57, 48)).tolist()
            for n in steps
        ]

    splits = {"train": pieces(8, 12), "valid": pieces(9, 4), "test": pieces(5)}
    path.write_text(json.dumps(splits))
    return path
