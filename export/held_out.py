"""Real music for an export: to compare on, and to calibrate with."""

import dataclasses

import numpy as np

from tfmusic.datasets import registry
from tfmusic.datasets.pieces import Pieces, load_pieces
from tfmusic.training.run import Run

NUM_TOKENS = 8192  # of each kind


@dataclasses.dataclass(frozen=True)
class Music:
    """What an export reads of a run's data set; all is empty where it has none.

    Attributes:
        held_out: the beginnings of pieces of the validation split, ids without BOS;
            for an infiller whole pieces.
        calibration: those of the train split.
        data_license: of the data set, one line.
    """

    held_out: tuple[np.ndarray, ...] = ()
    calibration: tuple[np.ndarray, ...] = ()
    data_license: str = ""


def load_music(
    run: Run, data_dir: str, dataset: str | None = None, input: str | None = None
) -> Music:
    """The music of a run's data set, prepared where it isn't.

    Args:
        run: what is exported.
        data_dir: where prepared data is kept.
        dataset: another data set than the run's.
        input: the user's file, folder or zip, for sets that need one.

    Raises:
        UserError: see `load_pieces`.
    """
    dataset = dataset or run.train_config.dataset
    held_out, calibration = (
        load_pieces(dataset, split, run.tokenizer, data_dir, input)
        for split in ("validation", "train")
    )
    # A decoder hears BOS as well; an infiller's windows lie anywhere in a piece.
    length = run.model.max_length - 1 if run.model.causal else None
    return Music(
        beginnings(held_out, length),
        beginnings(calibration, length),
        registry.get_dataset(dataset).license,
    )


def beginnings(pieces: Pieces, length: int | None) -> tuple[np.ndarray, ...]:
    """The first tokens of pieces, `NUM_TOKENS` of them in all or what there is.

    A beginning is all that a model hears of a piece up to there, so no context is
    missing. The pieces are drawn, the same ones every time.

    Args:
        length: most tokens of a piece; None takes all of it.
    """
    chosen, missing = [], NUM_TOKENS
    for index in np.random.default_rng(0).permutation(len(pieces)):
        ids = pieces.piece(index)[:length]
        if missing > 0 and len(ids):
            chosen.append(ids)
            missing -= len(ids)
    return tuple(chosen)
