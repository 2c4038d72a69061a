"""Shards whose bytes depend on their examples alone."""

from collections.abc import Iterable, Iterator
from typing import Any

from tensorflow_datasets.core import writer

from tfmusic.quiet import import_tensorflow


class StableExampleWriter(writer.ExampleWriter):
    """Writes the features of each example in the order of their names.

    tensorflow-datasets serializes them in an order that changes from process to
    process, so that two machines would make different files of the same music.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        return super().write(path, _sorted(examples))


def _sorted(examples: Iterable[tuple[Any, bytes]]) -> Iterator[tuple[Any, bytes]]:
    import_tensorflow()
    import tensorflow as tf

    for key, data in examples:
        example = tf.train.Example.FromString(data)
        yield key, example.SerializeToString(deterministic=True)
