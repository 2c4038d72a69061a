"""What n-grams know of a data set: the likelihoods that a model must beat.

    python -m benchmarks.ngrams --dataset=maestro [--input=PATH] [--orders=1,2,5]

Counts the training split's ids and scores each token of another split, with modified
Kneser-Ney smoothing (see `tfmusic.statistics.ngram`): nats per token, per note and per
second of music, the ends of pieces apart, as `python -m tfmusic.evaluate` defines them.
"""

import argparse
import resource
import time

import numpy as np

from tfmusic.datasets import registry
from tfmusic.datasets.pieces import Pieces, load_pieces
from tfmusic.statistics.ngram import NGramModel
from tfmusic.tokenizers import Tokenizer, get_tokenizer


def score(
    train: Pieces, held_out: Pieces, tokenizer: Tokenizer, order: int
) -> dict[str, float]:
    """The likelihoods of a split under the n-gram model of another one.

    Returns:
        `nats_per_token`, `nats_per_note`, `nats_per_second`, `nats_per_eos`.
    """
    model = NGramModel(
        map(train.piece, range(len(train))), order, tokenizer.vocabulary.size
    )
    nats = model.nats(map(held_out.piece, range(len(held_out))))
    is_end = np.zeros(len(nats), bool)
    is_end[held_out.offsets[1:] + np.arange(len(held_out))] = True
    music = nats[~is_end].sum()
    return {
        "nats_per_token": music / held_out.num_tokens,
        "nats_per_note": music / held_out.num_notes.sum(),
        "nats_per_second": music / held_out.seconds.sum(),
        "nats_per_eos": nats[is_end].mean(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="bach_chorales")
    parser.add_argument("--input", help="of a data set that is not built in")
    parser.add_argument("--data_dir", default=registry.DEFAULT_DATA_DIR)
    parser.add_argument("--tokenizer", help="by default the data set's own")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--orders", default="1,2,5", help="ids of an n-gram")
    options = parser.parse_args()

    name = options.tokenizer or registry.get_dataset(options.dataset).tokenizer
    tokenizer = get_tokenizer(name)
    train, held_out = (
        load_pieces(options.dataset, split, tokenizer, options.data_dir, options.input)
        for split in ("train", options.split)
    )
    print(
        f"{options.dataset}, {options.split}: {held_out.num_tokens:,} tokens in "
        f"{len(held_out)} pieces, counted {train.num_tokens:,} in {len(train)}; "
        f"tokenizer {tokenizer.name} ({tokenizer.hash})"
    )
    for order in map(int, options.orders.split(",")):
        begin = time.process_time()
        scores = score(train, held_out, tokenizer, order)
        seconds = time.process_time() - begin
        print(
            f"{order}-gram: {scores['nats_per_token']:.4f} nats/token, "
            f"{scores['nats_per_note']:.3f} nats/note, "
            f"{scores['nats_per_second']:.2f} nats/s, "
            f"{scores['nats_per_eos']:.2f} nats an end; {seconds:.0f} s",
            flush=True,
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory: {memory / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
