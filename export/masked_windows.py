"""Windows of music with masked cells, as an infiller meets them in training."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfmusic.datasets.grid_reader import GridReader
from tfmusic.datasets.masking import mask_cells
from tfmusic.models import ChoraleInfiller
from tfmusic.tokenizers import NUM_SPECIAL, PAD, ChoraleTokenizer
from tfmusic.tokenizers.chorale import NUM_VOICES


@dataclasses.dataclass(frozen=True)
class MaskedWindow:
    """A window of T cells.

    Attributes:
        inputs: what the model takes, int32 `[1, T]` each.
        is_masked: bool `[T]`.
        ids: int32 `[K]`, the music at the masked cells, K of them.
    """

    inputs: dict[str, np.ndarray]
    is_masked: np.ndarray
    ids: np.ndarray


def masked_windows(
    model: ChoraleInfiller,
    tokenizer: ChoraleTokenizer,
    pieces: Sequence[np.ndarray],
) -> list[MaskedWindow]:
    """Windows that show all of some pieces, any number of their cells masked.

    The masks are drawn, the same ones every time.

    Args:
        model: gives T, its `max_length`, and the features.
        tokenizer: of the model.
        pieces: ids of each, `[C]`; cells of an incomplete last step are left out.
    """
    rng = np.random.default_rng(0)
    windows = []
    for ids in pieces:
        ids = np.asarray(ids[: len(ids) // NUM_VOICES * NUM_VOICES], np.int32)
        if not len(ids):
            continue
        reader = GridReader(len(ids), tokenizer, model.feature_names, model.max_length)
        starts = reader.starts(np.arange(0, len(ids), reader.length), before=0)
        index = reader.index(starts)  # [W, T]
        uniforms = rng.random((len(index), 1 + reader.length), np.float32)
        is_masked = mask_cells(index < len(ids), uniforms)[0].numpy()  # [W, T]
        music = ids[np.minimum(index, len(ids) - 1)]
        inputs = reader.inputs(index, np.where(is_masked, PAD, music))
        for row, places in enumerate(is_masked):
            window = {name: values[row : row + 1] for name, values in inputs.items()}
            windows.append(MaskedWindow(window, places, music[row, places]))
    return windows


def random_pieces(
    model: ChoraleInfiller, tokenizer: ChoraleTokenizer
) -> list[np.ndarray]:
    """Pieces of any music's ids: one of several windows, one of less than a window."""
    rng = np.random.default_rng(0)
    size = tokenizer.vocabulary.size
    lengths = 4 * model.max_length + NUM_VOICES, model.max_length // 2 + NUM_VOICES
    return [rng.integers(NUM_SPECIAL, size, length) for length in lengths]
