"""Real inputs for a graph whose numbers' ranges must be known before it runs."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfmusic.export.decode_signatures import cache_kinds
from tfmusic.tokenizers import BOS

NUM_SAMPLES = 64  # of each signature, at most


def calibration_samples(
    model, tokenizer, functions, music: Sequence[np.ndarray]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """What a decoder's signatures take while they read music.

    Args:
        model: in float32.
        tokenizer: of the model.
        functions: its concrete functions, `decode` and, or not, `prefill`.
        music: ids of pieces without BOS. One that is too short for a chunk and a
            token is repeated, one that is longer than the cache is cut.

    Yields:
        The name of a signature and its inputs, at positions that are spread over the
        whole cache.
    """
    chunk = 1
    if "prefill" in functions:
        _, inputs = functions["prefill"].structured_input_signature
        chunk = inputs["tokens"].shape[1]
    length = model.max_length
    pieces = [np.resize(ids, max(len(ids), chunk)) for ids in music if len(ids)]
    pieces = [np.array([BOS, *ids[: length - 1]], np.int32) for ids in pieces]
    spread = max(sum(len(tokens) // chunk for tokens in pieces) // NUM_SAMPLES, 1)
    rng = np.random.default_rng(0)
    number = 0
    for tokens in pieces:
        reader = _Reader(model, tokenizer, functions, tokens)
        # Chunks would else begin at multiples of their length only.
        for _ in range(rng.integers(min(chunk, 1 + len(tokens) - chunk))):
            reader.read("decode", 1)
        while reader.position + chunk <= len(tokens):
            number += 1
            if number % spread == 0:
                yield "decode", reader.inputs(1)
            if number % spread == 0 and chunk > 1:
                yield "prefill", reader.inputs(chunk)
            reader.read("prefill" if chunk > 1 else "decode", chunk)
        if reader.position < len(tokens):
            yield "decode", reader.inputs(1)


class _Reader:
    """A piece, and the cache after what has been read of it."""

    def __init__(self, model, tokenizer, functions, tokens):
        features = tokenizer.grammar.features(
            tokenizer.grammar.states(tokens[1:]), tokens
        )
        names = model.feature_names
        self._steps = {"tokens": tokens} | {name: features[name] for name in names}
        self._functions = functions
        self._kinds = cache_kinds(model)
        cache = tf.nest.flatten(model.init_cache(1, model.max_length))
        self._cache = dict(zip(self._kinds, map(np.array, cache), strict=True))
        self.position = 0

    def inputs(self, count):
        """What a signature takes of the next tokens."""
        rows = slice(self.position, self.position + count)
        return {
            "position": np.array(self.position, np.int32),
            **{name: values[np.newaxis, rows] for name, values in self._steps.items()},
            **{f"cache_{name}": values for name, values in self._cache.items()},
        }

    def read(self, signature, count):
        """Goes on by so many tokens."""
        inputs = {name: tf.constant(x) for name, x in self.inputs(count).items()}
        updates = self._functions[signature](**inputs)
        for name, kind in self._kinds.items():
            update = updates[f"update_{name}"].numpy()
            if kind == "rows":
                rows = slice(self.position, self.position + count)
                self._cache[name][..., rows, :] = update
            else:
                self._cache[name] = update
        self.position += count
