"""Music of a model, or of a folder, beside the real music of a data set."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfmusic.datasets.progress import Log, with_progress
from tfmusic.errors import UserError
from tfmusic.statistics.comparison import Comparison, compare
from tfmusic.statistics.features import note_features
from tfmusic.statistics.memorization import Training
from tfmusic.statistics.sets import (
    MusicPiece,
    as_piece,
    choose,
    decode_pieces,
    duration,
    read_folder,
    read_shards,
)

if TYPE_CHECKING:
    from tfmusic.music.note_sequence import NoteSequence
    from tfmusic.sampling import Sampler


@dataclasses.dataclass(frozen=True)
class Data:
    """The real music: see `datasets.pieces.load_pieces`."""

    dataset: str
    split: str
    data_dir: str
    input: str | None = None


@dataclasses.dataclass(frozen=True)
class MusicReport:
    """What was found.

    Attributes:
        numbers: for JSON.
        comparisons: of each feature, for pictures.
        sequences: the music that was generated here.
    """

    numbers: dict[str, Any]
    comparisons: list[Comparison]
    sequences: list[NoteSequence] = dataclasses.field(default_factory=list)


def evaluate_model(
    generator: Any,
    data: Data,
    num_pieces: int,
    num_tokens: int,
    sampler: Sampler,
    seed: int,
    log: Log,
) -> MusicReport:
    """Generates pieces and compares them with the beginnings of real ones.

    Both are what the tokenizer makes of ids: a generated piece has `num_tokens` tokens
    unless the model ends it, a real one its first `num_tokens` unless it is shorter.

    Args:
        generator: see `sampling.load_generator`.
        data: the real music; its training split is searched for copies.
        num_pieces: how many to generate.
        num_tokens: most tokens of a piece.
        sampler, seed: see `ModelGenerator.generate`. The seed chooses the real pieces
            as well.
        log: called with each line of progress.

    Raises:
        UserError: there is too little music to compare.
    """
    from tfmusic.datasets.pieces import load_pieces

    tokenizer = generator.tokenizer
    splits = {
        split: load_pieces(data.dataset, split, tokenizer, data.data_dir, data.input)
        for split in (data.split, "train")
    }
    pieces, training = splits[data.split], splits["train"]
    check_enough(len(pieces), data)
    log(f"generating {num_pieces} pieces of {num_tokens} tokens")
    primes = [np.zeros(0, np.int32)] * num_pieces
    ids = generator.generate(primes, num_tokens, sampler, seed)
    sequences = [tokenizer.decode(piece)[0] for piece in ids]
    generated = [
        as_piece(f"generated-{number}", sequence, piece)
        for number, (sequence, piece) in enumerate(zip(sequences, ids, strict=True), 1)
    ]
    chosen = with_progress(choose(len(pieces), seed), "real pieces decoded", log)
    real = list(decode_pieces(pieces, tokenizer, chosen, num_tokens))
    everything = with_progress(range(len(training)), "training pieces decoded", log)
    numbers, comparisons = _evaluate(
        generated, real, decode_pieces(training, tokenizer, everything), data, log
    )
    return MusicReport(numbers, comparisons, sequences)


def evaluate_folder(folder: str, data: Data, seed: int, log: Log) -> MusicReport:
    """Compares the music files of a folder with the beginnings of real pieces.

    Real pieces are as they were read, and last as long as the folder's, in seconds:
    the first one as long as the first file, and so on, again and again.

    Args:
        folder: of music files, at any depth.
        data: the real music; its training split is searched for copies.
        seed: chooses the real pieces.
        log: called with each line of progress.

    Raises:
        UserError: no music file is there or one can't be read; there is too little
            music to compare.
    """
    from tfmusic.datasets import registry

    log(f"reading {folder}")
    generated = read_folder(folder)
    builder = registry.get_builder(data.dataset, data.data_dir, data.input)
    builder.prepare()
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    check_enough(sizes[data.split], data)
    seconds = [duration(piece) for piece in generated]
    numbers = {index: n for n, index in enumerate(choose(sizes[data.split], seed))}
    real = {}
    for index, (name, sequence) in enumerate(read_shards(builder, data.split)):
        if index in numbers:
            number = numbers[index]
            length = seconds[number % len(seconds)]
            real[number] = as_piece(name, sequence, seconds=length)
    real = [real[number] for number in range(len(real))]
    places = with_progress(range(sizes["train"]), "training pieces read", log)
    training = (
        as_piece(*piece)
        for _, piece in zip(places, read_shards(builder, "train"), strict=True)
    )
    return MusicReport(*_evaluate(generated, real, training, data, log))


def check_enough(num_pieces: int, data: Data) -> None:
    """Raises UserError where a split has less than two pieces."""
    if num_pieces < 2:
        raise UserError(
            f"{data.dataset} has {num_pieces} pieces in {data.split}, and two are "
            "needed to compare: choose another --split"
        )


def _evaluate(
    generated: Sequence[MusicPiece],
    real: Sequence[MusicPiece],
    training: Iterable[MusicPiece],
    data: Data,
    log: Log,
) -> tuple[dict[str, Any], list[Comparison]]:
    if not any(len(piece.notes) for piece in generated):
        raise UserError("no generated piece has a note: train longer, or draw others")
    log(f"comparing {len(generated)} generated pieces with {len(real)} real ones")
    features = [
        [note_features(piece.notes, piece.num_bars) for piece in pieces]
        for pieces in (generated, real)
    ]
    comparisons = compare(*features)
    if not comparisons:
        raise UserError(
            f"{len(real)} pieces of {data.dataset} {data.split} have too few notes to "
            "compare with: give more --tokens, or another --split"
        )
    log("looking for runs copied from the training set")
    held_out = None if data.split == "train" else real
    numbers = {
        "dataset": data.dataset,
        "split": data.split,
        "generated": _describe(generated),
        "real": _describe(real),
        "features": {
            comparison.feature.name: comparison.report() for comparison in comparisons
        },
        "copies": Training(training).report(generated, held_out),
    }
    return numbers, comparisons


def _describe(pieces: Sequence[MusicPiece]) -> dict[str, Any]:
    return {
        "pieces": len(pieces),
        "without_notes": sum(not len(piece.notes) for piece in pieces),
        "notes": sum(len(piece.notes) for piece in pieces),
        "seconds": sum(map(duration, pieces)),
    }


def write_sequences(sequences: Sequence[NoteSequence], folder: str) -> None:
    """Writes a MIDI file of each piece, generated-1.mid and so on."""
    from tfmusic.music.io import write_midi

    for number, sequence in enumerate(sequences, 1):
        write_midi(sequence, os.path.join(folder, f"generated-{number}.mid"))
