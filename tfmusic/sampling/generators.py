"""One way to ask for music, whatever form the model is in."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tfmusic.pretrained import DEFAULT
from tfmusic.sampling.model_generator import ModelGenerator
from tfmusic.sampling.samplers import Sampler
from tfmusic.sampling.tflite_files import load_tflite
from tfmusic.tokenizers import Tokenizer, tokenizer_from_json
from tfmusic.training.run import load_run


class Generator(Protocol):
    """What generates: see `ModelGenerator`, the first of them."""

    tokenizer: Tokenizer

    def generate(
        self,
        primes: Sequence[np.ndarray],
        num_tokens: int,
        sampler: Sampler | None = None,
        seed: int = 0,
    ) -> list[np.ndarray]: ...


def load_generator(path: str | os.PathLike = DEFAULT) -> Generator:
    """Reads a run's folder, a SavedModel's folder or a .tflite file.

    Args:
        path: what `python -m tfmusic.train` or `python -m tfmusic.export` wrote, or the
            name of a model that tfmusic comes with; by default "chorales".

    Raises:
        UserError: it is none of these, or damaged.
    """
    path = os.fspath(path)
    if path.endswith(".tflite"):
        return TFLiteGenerator(path)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        return SavedModelGenerator(path)
    run = load_run(path, kind="decoder")
    return ModelGenerator(run.model, run.tokenizer)


class SavedModelGenerator:
    """Generates with a SavedModel.

    Args:
        path: its folder.

    Raises:
        UserError: it isn't one that generates.
    """

    def __init__(self, path: str):
        from tfmusic.export import saved_model

        self._model = saved_model.load(path)
        self.tokenizer = tokenizer_from_json(self._model.tokenizer_json)

    def generate(self, primes, num_tokens, sampler=None, seed=0):
        """See `ModelGenerator.generate`."""
        return self._model.generate(primes, num_tokens, sampler, seed)


class TFLiteGenerator:
    """Generates with a .tflite file, piece after piece.

    Args:
        path: the file.

    Raises:
        UserError: it isn't one that `python -m tfmusic.export` wrote of a decoder.
    """

    def __init__(self, path: str):
        self._model = load_tflite(path, "decoder")
        self.tokenizer = tokenizer_from_json(self._model.tokenizer_json)

    def generate(self, primes, num_tokens, sampler=None, seed=0):
        """See `ModelGenerator.generate`."""
        settings = dataclasses.asdict(sampler or Sampler())
        return self._model.generate(primes, num_tokens, seed, **settings)
