"""One way to fill gaps, whatever form the model is in."""

import dataclasses
import os
from typing import Protocol

import numpy as np

from tfmusic.sampling.infiller import Infiller
from tfmusic.sampling.samplers import Sampler
from tfmusic.sampling.tflite_files import load_tflite
from tfmusic.tokenizers import ChoraleTokenizer, tokenizer_from_json
from tfmusic.training.run import load_run


class GapFiller(Protocol):
    """What fills gaps: see `Infiller`, the first of them."""

    tokenizer: ChoraleTokenizer

    def fill(
        self,
        ids: np.ndarray,
        unknown: np.ndarray,
        sampler: Sampler | None = None,
        seed: int = 0,
        number: int = 0,
        method: str = "gibbs",
        num_steps: int = 128,
    ) -> np.ndarray: ...


def load_infiller(path: str | os.PathLike) -> GapFiller:
    """Reads an infiller's run folder or .tflite file.

    Args:
        path: what `python -m tfmusic.train` or `python -m tfmusic.export` wrote.

    Raises:
        UserError: it is neither, or damaged, or a decoder's.
    """
    path = os.fspath(path)
    if path.endswith(".tflite"):
        return TFLiteInfiller(path)
    run = load_run(path, kind="infiller")
    return Infiller(run.model, run.tokenizer)


class TFLiteInfiller:
    """Fills gaps with a .tflite file.

    Args:
        path: the file.

    Raises:
        UserError: it isn't one that `python -m tfmusic.export` wrote of an infiller.
    """

    def __init__(self, path: str):
        self._model = load_tflite(path, "infiller")
        self.tokenizer = tokenizer_from_json(self._model.tokenizer_json)

    def fill(
        self,
        ids,
        unknown,
        sampler=None,
        seed=0,
        number=0,
        method="gibbs",
        num_steps=128,
    ):
        """See `Infiller.fill`."""
        settings = dataclasses.asdict(sampler or Sampler())
        return self._model.fill(
            ids, unknown, seed, number, method, num_steps, **settings
        )
