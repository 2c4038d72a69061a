"""What a model attends to in the beginning of a piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfmusic.datasets.grid_reader import GridReader
from tfmusic.tokenizers import BOS, PAD, Tokenizer


@dataclass(frozen=True, eq=False)
class Attention:
    """The weights of every head of every layer. `N` heads, `T` places.

    Attributes:
        layers: for each layer float32 `[N, T, T]`, rows of queries, or None where its
            mixer weighs no tokens.
        mixers: the class of each layer's mixer.
        first: the place of the piece's first token: 1 behind BOS, which a decoder
            reads first, or 0.
    """

    layers: tuple[np.ndarray | None, ...]
    mixers: tuple[str, ...]
    first: int

    @property
    def num_places(self) -> int:
        """T; 0 where no layer has weights."""
        return next((x.shape[-1] for x in self.layers if x is not None), 0)

    @property
    def with_weights(self) -> list[int]:
        """The layers that weigh tokens, counted from 0."""
        return [i for i, weights in enumerate(self.layers) if weights is not None]

    @property
    def without_weights(self) -> str:
        """Names the other layers, counted from 1, for people; "" for none."""
        return ", ".join(
            f"layer {index + 1} ({mixer})"
            for index, mixer in enumerate(self.mixers)
            if self.layers[index] is None
        )


def read_attention(
    model, tokenizer: Tokenizer, ids: np.ndarray, num_tokens: int | None = None
) -> Attention:
    """Shows a model the beginning of a piece.

    An infiller sees all cells, none is left for it to guess.

    Args:
        model: a `MusicDecoder` or a `ChoraleInfiller`.
        tokenizer: of the model.
        ids: int `[.]`, a piece without BOS, of one token at least.
        num_tokens: most tokens to show; by default as many as a window of the model
            holds, which is the limit in any case.
    """
    mixers = tuple(type(block.mixer).__name__ for block in model.blocks)
    first = 0 if model.kind == "infiller" else 1
    room = model.max_length - first
    ids = np.asarray(ids[: min(num_tokens or room, room)], np.int32)
    inputs = _cells(model, tokenizer, ids) if first == 0 else _sequence(tokenizer, ids)
    end = first + len(ids)
    layers = tuple(
        None if weights is None else np.asarray(weights)[0, :, :end, :end]
        for weights in model.attention_weights(inputs)
    )
    return Attention(layers, mixers, first)


def _sequence(tokenizer, ids):
    """A decoder's inputs, `[1, T]` each."""
    tokens = np.concatenate([[BOS], ids]).astype(np.int32)
    features = tokenizer.grammar.features(tokenizer.grammar.states(ids), tokens)
    inputs = {"tokens": tokens, **features}
    return {name: values[np.newaxis] for name, values in inputs.items()}


def _cells(model, tokenizer, ids):
    """An infiller's inputs, `[1, T]` each, T its `max_length`."""
    reader = GridReader(len(ids), tokenizer, model.feature_names, model.max_length)
    padded = np.pad(ids, (0, model.max_length - len(ids)), constant_values=PAD)
    return reader.inputs(reader.index(np.zeros(1, int)), padded[np.newaxis])
