import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import (
    CausalMultiHeadAttention,
    DecoderBlock,
    RelativeGlobalAttention,
    TokenMixer,
)

MIXERS = {
    "causal": lambda: CausalMultiHeadAttention(2, 3),
    "relative_global": lambda: RelativeGlobalAttention(2, 3, max_distance=4),
}


class Recorder(TokenMixer):
    """Remembers what it was called with, and mixes nothing."""

    def call(self, x, features=None, training=None):
        self.seen = (features, training)
        return x

    def extend(self, x, cache, position, features=None):
        self.seen = (cache, position, features)
        return x, cache


def make(mixer, **kwargs):
    block = DecoderBlock(mixer, intermediate_dim=12, name="block", **kwargs)
    block.build((None, None, goldens.DIM))
    goldens.shake(block)
    return block


@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("mixer", MIXERS)
def test_equals_the_written_out_formula(mixer, activation):
    mixer = MIXERS[mixer]()
    mixer.name = "mixer"
    block = make(mixer, activation=activation)
    x = goldens.hidden(2, 7)
    weights = reference.weights_of(block)
    expected = [reference.block(row, weights, 2, activation) for row in x]
    np.testing.assert_allclose(block(x), expected, atol=1e-5)


def test_features_and_training_reach_the_mixer():
    mixer = Recorder()
    block = make(mixer)
    x, features = goldens.hidden(1, 2), {"voice": tf.constant([[1, 2]])}
    block(x, features=features, training=True)
    assert mixer.seen[0]["voice"] is features["voice"] and mixer.seen[1] is True
    block.extend(x, ("cache",), 5, features)
    assert mixer.seen == (("cache",), 5, features)


def test_extend_equals_call():
    mixer = Recorder()
    block = make(mixer)
    x = goldens.hidden(2, 3)
    y, update = block.extend(x, ("update",), 0)
    np.testing.assert_allclose(y, block(x), atol=1e-6)
    assert update == ("update",)


def test_dropout_acts_on_both_branches_in_training_alone():
    x = goldens.hidden(2, 7)
    block = make(Recorder(), dropout=0.5)
    np.testing.assert_array_equal(block(x), block(x, training=False))
    for branch in (block.mixer_dropout, block.feed_forward_dropout):
        dropped = branch(tf.ones([100, 100]), training=True)
        assert set(np.unique(dropped)) == {0, 2}
    dropped = [block(x, training=True).numpy() for _ in range(2)]
    assert not np.allclose(*dropped)


def test_the_stream_itself_is_never_dropped():
    """With all of both branches dropped, what came in comes out."""
    x = goldens.hidden(2, 7)
    block = make(Recorder(), dropout=0.999999)
    np.testing.assert_array_equal(block(x, training=True), x)
