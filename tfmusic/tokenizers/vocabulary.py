"""What ids mean: the special ids, then ranges of events, one after the other."""

import bisect
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

PAD, EOS, BOS = 0, 1, 2
NUM_SPECIAL = 3


@dataclass(frozen=True)
class EventRange:
    """Events of one name, with the values `min_value..max_value` (both included)."""

    name: str
    min_value: int
    max_value: int

    def __post_init__(self):
        if self.max_value < self.min_value:
            raise ValueError(
                f"{self.name}: {self.min_value}..{self.max_value} is empty"
            )

    @property
    def size(self) -> int:
        return self.max_value - self.min_value + 1


class Vocabulary:
    """The ids of a tokenizer: PAD, EOS, BOS, then each range's values in order.

    Args:
        ranges: event ranges with distinct names; their order gives the ids.

    Raises:
        ValueError: two ranges have one name.
    """

    def __init__(self, ranges: Sequence[EventRange]):
        self.ranges = tuple(ranges)
        self._starts: list[int] = []
        self._by_name: dict[str, tuple[EventRange, int]] = {}
        self.size = NUM_SPECIAL
        for event_range in self.ranges:
            if event_range.name in self._by_name:
                raise ValueError(f"two ranges are named {event_range.name}")
            self._starts.append(self.size)
            self._by_name[event_range.name] = (event_range, self.size)
            self.size += event_range.size

    def encode(self, name: str, value: int | np.ndarray) -> int | np.ndarray:
        """The id of an event.

        Args:
            name: a range's name.
            value: an int, or an array of ints.

        Returns:
            An int, or an int32 array of the value's shape.

        Raises:
            ValueError: a value lies outside the range.
        """
        event_range, start = self._by_name[name]
        values = np.asarray(value)
        outside = (values < event_range.min_value) | (values > event_range.max_value)
        if outside.any():
            raise ValueError(
                f"{name} {values[outside].flat[0]} is outside "
                f"{event_range.min_value}..{event_range.max_value}"
            )
        ids = values - event_range.min_value + start
        return ids.astype(np.int32) if ids.ndim else int(ids)

    def decode(self, token: int) -> tuple[str, int] | None:
        """The name and the value of an id; None for special and unknown ids."""
        if not NUM_SPECIAL <= token < self.size:
            return None
        index = bisect.bisect_right(self._starts, token) - 1
        event_range = self.ranges[index]
        return event_range.name, int(
            token - self._starts[index]
        ) + event_range.min_value

    def span(self, name: str) -> tuple[int, int]:
        """The first id of a range, and the id past its last."""
        event_range, start = self._by_name[name]
        return start, start + event_range.size

    def to_dict(self) -> dict:
        """The vocabulary as JSON can hold it."""
        return {"ranges": [asdict(event_range) for event_range in self.ranges]}

    @classmethod
    def from_dict(cls, data: dict) -> "Vocabulary":
        """The vocabulary that `to_dict` described."""
        return cls([EventRange(**event_range) for event_range in data["ranges"]])
