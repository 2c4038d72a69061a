"""Features, positions and mixers compose, whichever of them a config names."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tests.memory_mixers import MEMORY_MIXERS
from tests.tiny import TOKENIZER
from tfmusic.layers import apply_update
from tfmusic.models import MusicDecoder, mixers
from tfmusic.models.positions import POSITIONS
from tfmusic.tokenizers import BOS

TIME = 9  # longer than the positions of training
NAMES = [*sorted(mixers.MIXERS), *MEMORY_MIXERS]
SUBSETS = [
    names
    for count in range(len(TOKENIZER.features) + 1)
    for names in itertools.combinations(sorted(TOKENIZER.features), count)
]


@pytest.fixture
def inputs():
    """Music's tokens and all that the tokenizer says of them, two pieces."""
    rows = []
    for seed in range(2):
        ids = np.random.default_rng(seed).integers(10, 40, TIME - 1)
        tokens = np.array([BOS, *ids], np.int32)
        states = TOKENIZER.grammar.states(ids)
        rows.append({"tokens": tokens, **TOKENIZER.grammar.features(states, tokens)})
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("positions", ["none", *POSITIONS])
@pytest.mark.parametrize("mixer", NAMES)
def test_training_and_cached_decoding(mixer, positions, inputs, monkeypatch):
    """Two sets of features each; all mixers together meet every set."""
    monkeypatch.setattr(mixers, "MIXERS", {**mixers.MIXERS, **MEMORY_MIXERS})
    first = NAMES.index(mixer) + ["none", *POSITIONS].index(positions)
    for index in (first, first + len(SUBSETS) // 2):
        names = SUBSETS[index % len(SUBSETS)]
        model = MusicDecoder(
            vocabulary_size=TOKENIZER.vocabulary.size,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=8,
            max_length=6,
            max_distance=4,
            mixer=mixer,
            positions=positions,
            features={name: TOKENIZER.features[name] for name in names},
        )
        goldens.shake(model)
        read = model.blocks[0].mixer.feature_names
        assert set(model.feature_names) == {*names, *read}
        check_gradients(model, inputs, names)
        check_decoding(model, inputs)


def check_gradients(model, inputs, names):
    """Each feature's embedding learns."""
    embeddings = [model.feature_embeddings[name] for name in names]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(inputs, training=True) ** 2)
    weights = [layer.embeddings.value for layer in embeddings]
    for gradient in tape.gradient(loss, weights):
        assert np.any(tf.convert_to_tensor(gradient))


def check_decoding(model, inputs):
    whole = model(inputs).numpy()
    cache, position = model.init_cache(2, TIME + 2), 0
    for size in (4, 1, 1, 3):
        chunk = {
            name: values[:, position : position + size]
            for name, values in inputs.items()
        }
        logits, update = model.extend(chunk, cache, position)
        expected = whole[:, position : position + size]
        np.testing.assert_allclose(logits, expected, atol=1e-4)
        cache = apply_update(cache, update, position, model.cache_kinds)
        position += size
