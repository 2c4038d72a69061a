"""What an infiller's signature takes and returns: a window of a grid."""

from collections.abc import Iterator, Sequence

import numpy as np

from tfmusic.export.calibration import NUM_SAMPLES
from tfmusic.export.masked_windows import masked_windows
from tfmusic.export.signatures import logits_from_features


def infill_function(model):
    """The logits of one window, `[1, max_length, V]`, of named tensors."""
    return logits_from_features(model, model.max_length, batch=1)


def infill_samples(
    model, tokenizer, music: Sequence[np.ndarray]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Real inputs, for a graph whose numbers' ranges must be known before it runs.

    Args:
        model: an infiller.
        tokenizer: of the model.
        music: ids of pieces.

    Yields:
        The signature's name and masked windows, spread evenly over the music.
    """
    windows = masked_windows(model, tokenizer, music)
    for window in windows[:: max(len(windows) // NUM_SAMPLES, 1)]:
        yield "infill", window.inputs
