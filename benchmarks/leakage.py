"""What splitting windows instead of songs does to a validation score.

    python -m benchmarks.leakage --data_dir=DIR [--steps=2000]

The folk songs of `essen/erk` (prepared by itself), the `melody` tokenizer, windows of
64 tokens, cut at every 64th token of a song or, as one slides over it, at every token.
A tenth is held out: of the songs, as the data set has them, or of the windows of all
songs, at random. Windows that are cut alike compare; what a score gains by the split is
what has leaked.

The models are the preset `article` and one of four layers and hidden dimension 128
that can learn by heart.
"""

import argparse
import dataclasses

import numpy as np

from tfmusic.quiet import import_tensorflow

import_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from benchmarks.training_step import TimedStep  # noqa: E402
from tfmusic.datasets.pieces import Pieces, load_pieces  # noqa: E402
from tfmusic.datasets.registry import DEFAULT_DATA_DIR  # noqa: E402
from tfmusic.datasets.source import SPLITS  # noqa: E402
from tfmusic.datasets.windows import Windows  # noqa: E402
from tfmusic.presets import PRESETS  # noqa: E402
from tfmusic.tokenizers import EOS, get_tokenizer  # noqa: E402
from tfmusic.training.loss import token_nats  # noqa: E402

MOST_SCORED = 4096  # windows
LARGER = {
    "num_layers": 4,
    "num_heads": 4,
    "hidden_dim": 128,
    "intermediate_dim": 512,
    "mixer": "relative_global",
    "positions": "none",
    "dropout": 0.0,
    "attention_dropout": 0.0,
}


def join(parts: list[Pieces]) -> Pieces:
    """The pieces of all splits as one."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return Pieces(
        ids=np.concatenate([part.ids for part in parts]),
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        names=[name for part in parts for name in part.names],
        num_notes=np.concatenate([part.num_notes for part in parts]),
        seconds=np.concatenate([part.seconds for part in parts]),
    )


def cuts(windows: Windows, pieces: np.ndarray, stride: int) -> np.ndarray:
    """int64 `[W, 2]`: piece and start of the windows of some pieces."""
    found = []
    for piece in pieces:
        last = max(windows.num_inputs[piece] - windows.length, 0)
        found += [(piece, start) for start in range(0, last + 1, stride)]
        if last % stride:
            found.append((piece, last))
    return np.array(found, np.int64)


def splits(windows: Windows, num_train: int, num_validation: int):
    """For each way to cut and to split: windows to train on, windows to score."""
    generator = np.random.default_rng(0)
    songs = np.arange(num_train + num_validation)
    for cut, stride in (("every 64th", windows.length), ("every", 1)):
        held_out = generator.permutation(cuts(windows, songs[num_train:], stride))
        train = cuts(windows, songs[:num_train], stride)
        yield cut, "by song", train, held_out[:MOST_SCORED]
        mixed = generator.permutation(cuts(windows, songs, stride))
        tenth = len(mixed) // 10
        yield cut, "by window", mixed[tenth:], mixed[:tenth][:MOST_SCORED]


def train_and_score(model_config, train_config, windows, train, held_out):
    """Nats per token of the held-out windows, music only, and of the training."""
    keras.utils.set_random_seed(0)
    step = TimedStep(model_config, train_config)
    batch_size = train_config.batch_size
    zeros = tf.zeros([batch_size], tf.int32)

    def cut(places):
        first = tf.zeros([batch_size], tf.int64)
        return windows.cut(places[:, 0], places[:, 1], zeros, first)

    batches = tf.data.Dataset.from_tensor_slices(train)
    batches = batches.shuffle(len(train), seed=0).repeat()
    batches = batches.batch(batch_size, drop_remainder=True).map(cut)
    losses = [step(batch) for batch in batches.take(train_config.steps)]

    @tf.function
    def score(inputs, targets, weights):
        nats = token_nats(step.model(inputs, training=False), targets)
        weights = tf.where(targets == EOS, 0.0, weights)
        return tf.reduce_sum(nats * weights), tf.reduce_sum(weights)

    held_out = held_out[: len(held_out) // batch_size * batch_size]
    held_out = tf.data.Dataset.from_tensor_slices(held_out).batch(batch_size).map(cut)
    nats, tokens = np.sum([score(*batch) for batch in held_out], axis=0)
    return nats / tokens, float(np.mean(losses[-100:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default=DEFAULT_DATA_DIR)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()

    preset = PRESETS["article"]
    train_config = dataclasses.replace(preset.train, steps=options.steps)
    tokenizer = get_tokenizer("melody")
    parts = [
        load_pieces("essen/erk", split, tokenizer, options.data_dir) for split in SPLITS
    ]
    windows = Windows(join(parts[:2]), tokenizer, (), train_config.length)
    article = dataclasses.replace(
        preset.model, vocabulary_size=tokenizer.vocabulary.size
    )
    larger = dataclasses.replace(article, **LARGER)
    print(
        f"{'model':<10}{'cut at':<12}{'split':<12}{'windows':>9}{'held out':>10}"
        f"{'training':>10}"
    )
    for name, model_config in (("article", article), ("larger", larger)):
        for cut, split, train, held_out in splits(windows, *map(len, parts[:2])):
            score, training = train_and_score(
                model_config, train_config, windows, train, held_out
            )
            print(
                f"{name:<10}{cut:<12}{split:<12}{len(train):>9,}{score:>10.4f}"
                f"{training:>10.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
