"""Reading and arranging on Apache Beam, where one machine is too small.

Items are read by the runner's workers. What decides the splits (names, digests,
counts) is small: it is gathered, arranged by the same function as on one machine, and
handed back to all. The report is written by the worker that arranges, so the data
folder must be one that workers can write to.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tfmusic.datasets import arrangement
from tfmusic.datasets.reading import Outcome, Task, read_item
from tfmusic.datasets.source import SPLITS, Listing
from tfmusic.errors import UserError
from tfmusic.music.limits import Limits

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

    from tfmusic.datasets.piece_builder import PieceBuilder

# Keys are ordered by item, then by piece.
MOST_PIECES_PER_ITEM = 2**20


def configure(
    config: tfds.download.DownloadConfig, runner: str, options: tuple[str, ...]
) -> None:
    """Tells tensorflow-datasets which runner to use.

    Raises:
        UserError: Apache Beam is not installed, or has no such runner.
    """
    try:
        import apache_beam as beam
    except ImportError:
        raise UserError(
            "--runner needs Apache Beam: pip install 'tfmusic[beam]'"
        ) from None
    try:
        config.beam_options = beam.options.pipeline_options.PipelineOptions(
            [f"--runner={runner}", *options]
        )
        config.beam_runner = beam.runners.create_runner(runner)
    except ValueError as error:
        raise UserError(f"--runner={runner}: {error}") from error


def split_generators(
    builder: PieceBuilder,
    listing: Listing,
    limits: Limits,
    dl_manager: Any,
    pipeline: Any,
) -> dict[str, Any]:
    """The examples of each split as Beam's collections; see `PieceBuilder`."""
    import apache_beam as beam

    arranger, needs_music = builder.arranger, builder.arranges_music
    path = os.path.join(builder.data_dir, "report.json")
    identity = builder.identity()
    tasks = [
        (index, Task(builder.reader, item, limits, builder.compares_notes))
        for index, item in enumerate(listing.items)
    ]
    outcomes = (
        pipeline
        | "List items" >> beam.Create(tasks)
        | "Spread them" >> beam.Reshuffle()
        | "Read" >> beam.Map(_read)
    )
    about = (
        outcomes
        | "Leave the music" >> beam.Map(_without_data if not needs_music else _same)
        | "Gather" >> beam.combiners.ToList()
        | "Arrange" >> beam.Map(_arrange, arranger, listing, path, identity)
    )
    pieces = outcomes | "Pieces" >> beam.FlatMap(_pieces)
    return {
        split: pieces
        | f"Choose {split}"
        >> beam.FlatMap(_examples_of, split, beam.pvalue.AsSingleton(about))
        for split in SPLITS
    }


def _read(keyed: tuple[int, Task]) -> tuple[int, Outcome]:
    index, task = keyed
    try:
        return index, Outcome(task.item.name, pieces=read_item(task))
    except UserError as error:
        return index, Outcome(task.item.name, reason=str(error))


def _same(keyed):
    return keyed


def _without_data(keyed):
    index, outcome = keyed
    return index, outcome.without_data()


def _arrange(outcomes, arranger, listing, path, identity):
    """The split of each piece that is kept; writes the report."""
    outcomes = [outcome for _, outcome in sorted(outcomes, key=lambda keyed: keyed[0])]
    pieces = [piece for outcome in outcomes for piece in outcome.pieces]
    arranged = arrangement.arrange(arranger, pieces)
    counts = arrangement.report(listing, outcomes, arranged)
    arrangement.check_splits(counts)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**identity, **counts}, file, indent=2)
    return arranged.splits


def _pieces(keyed):
    index, outcome = keyed
    for number, piece in enumerate(outcome.pieces):
        yield index * MOST_PIECES_PER_ITEM + number, piece


def _examples_of(keyed, split, splits):
    key, piece = keyed
    if splits.get(piece.name) == split:
        yield key, {"id": piece.name, "sequence": piece.data}
