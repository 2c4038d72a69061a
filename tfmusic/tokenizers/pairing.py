"""Which NOTE_OFF ends which NOTE_ON, and how events of a step keep their order."""

import numpy as np

# Events of one step that have to stay in their order are so much of a step apart,
# which changes no step.
ORDER_SHIFT = 1e-4
MAX_ORDER_SHIFT = 0.4


def pair_notes(
    events: np.ndarray, is_on: np.ndarray, is_off: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Pairs each NOTE_ON with the NOTE_OFF that ends it: first begun, first ended.

    Args:
        events: int `[T]`, whose remainder by 128 is the pitch of a NOTE_ON or NOTE_OFF.
        is_on, is_off: bool `[T]`.

    Returns:
        int `[N]` places of NOTE_ONs, ascending, int `[N]` places of their NOTE_OFFs,
        `T` where there is none, and the number of NOTE_OFFs that end nothing.
    """
    place = np.flatnonzero(is_on | is_off)
    place = place[np.argsort(events[place] % 128, kind="stable")]
    pitch = events[place] % 128
    is_on, length = is_on[place], len(is_on)
    first = np.searchsorted(pitch, pitch)  # where each pitch's events begin
    # Keys held, had all NOTE_OFFs been valid: each new low is one that ends nothing.
    held = np.cumsum(np.where(is_on, 1, -1))
    held -= np.append(0, held)[first]
    apart = pitch * (2 * length + 1)  # a lower floor for each pitch than the one before
    low = np.minimum(np.minimum.accumulate(held - apart) + apart, 0)
    before = np.where(first == np.arange(len(low)), 0, np.append(0, low)[:-1])
    ends_nothing = low < before
    is_off = ~is_on & ~ends_nothing
    # The k-th NOTE_OFF of a pitch ends its k-th NOTE_ON.
    key = pitch * length
    ons = key[is_on] + _counts(is_on, first)[is_on]
    offs = key[is_off] + _counts(is_off, first)[is_off]
    match = np.searchsorted(offs, ons)
    matched = np.append(offs, -1)[match] == ons
    on = place[is_on]
    off = np.where(matched, np.append(place[is_off], length)[match], length)
    order = np.argsort(on)
    return on[order], off[order], int(ends_nothing.sum())


def _counts(chosen: np.ndarray, first: np.ndarray) -> np.ndarray:
    """How many are chosen before each place, from place `first` on."""
    before = np.cumsum(chosen) - chosen
    return before - before[first]


def order_shifts(steps: np.ndarray, later: np.ndarray) -> np.ndarray:
    """How late within its step each event is, so that order remains.

    Args:
        steps: int `[N]`, ascending.
        later: bool `[N]`, whether an event has to be later than the one before.

    Returns:
        float64 `[N]`, parts of a step.
    """
    count = np.cumsum(later)
    count = count - count[np.searchsorted(steps, steps)]
    return np.minimum(count * ORDER_SHIFT, MAX_ORDER_SHIFT)
