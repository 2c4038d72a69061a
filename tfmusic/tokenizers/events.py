"""Between ids and events as arrays, for tokenizers that work on all at once."""

import numpy as np

from tfmusic.tokenizers.vocabulary import Vocabulary

NO_EVENT = -1


class Events:
    """Events in their order. `T` tokens.

    Args:
        ids: int `[T]`, events alone, as `Tokenizer.music_ids` gives them.
        vocabulary: what they mean.

    Attributes:
        values: int64 `[T]`.
    """

    def __init__(self, ids: np.ndarray, vocabulary: Vocabulary):
        self._names = [range_.name for range_ in vocabulary.ranges]
        starts = np.array([vocabulary.span(name)[0] for name in self._names])
        lowest = np.array([range_.min_value for range_ in vocabulary.ranges])
        self._kinds = np.searchsorted(starts, ids, side="right") - 1
        self.values = ids - starts[self._kinds] + lowest[self._kinds]

    def __len__(self) -> int:
        return len(self.values)

    def are(self, *names: str) -> np.ndarray:
        """bool `[T]`: the events of ranges; a range that isn't there has none."""
        kinds = [self._names.index(name) for name in names if name in self._names]
        return np.isin(self._kinds, kinds)


def last_place(where: np.ndarray) -> np.ndarray:
    """int64 `[T]`: at each place the last one so far where bool `[T]`, else -1."""
    return np.maximum.accumulate(np.where(where, np.arange(len(where)), -1))


def ahead(where: np.ndarray, by: int = 1) -> np.ndarray:
    """bool `[T]`: whether bool `[T]` is true so many places further on."""
    return np.append(where, np.zeros(by, bool))[by:]


def spread(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Things repeated so many times each.

    Args:
        counts: int `[C]`.

    Returns:
        int64 `[R]`, which thing each is, and int64 `[R]`, which of its copies, from 0.
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def lay_out(rows: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """The ids of rows, in the order of their keys.

    Args:
        rows: int `[E, W]`, up to W ids each, NO_EVENT where there are fewer.
        *keys: int `[E]`, the first matters most; rows of equal keys keep their order.

    Returns:
        int32 `[T]`.
    """
    ids = rows[np.lexsort(keys[::-1])].reshape(-1)  # [E * W]
    return ids[ids != NO_EVENT].astype(np.int32)
