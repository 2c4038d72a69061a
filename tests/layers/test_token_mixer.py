import pytest
import tensorflow as tf

from tfmusic.layers import TokenMixer


class Echo(TokenMixer):
    """The least that a mixer for whole sequences is."""

    causal = False

    def call(self, x, features=None, training=None):
        return x if features is None else x + tf.cast(features["n"], x.dtype)[..., None]


def test_the_interface_alone_mixes_nothing():
    mixer = TokenMixer()
    x = tf.zeros([1, 2, 3])
    with pytest.raises(NotImplementedError):
        mixer(x)
    with pytest.raises(NotImplementedError):
        mixer.init_cache(1, 4)
    with pytest.raises(NotImplementedError):
        mixer.extend(x, (), 0)


def test_a_mixer_is_causal_remembers_and_reads_nothing_unless_it_says_so():
    assert TokenMixer.causal and not TokenMixer.supports_segments
    assert TokenMixer.cache_kinds == TokenMixer.feature_names == ()
    assert not Echo().causal


def test_features_reach_call():
    y = Echo()(tf.zeros([1, 2, 1]), features={"n": tf.constant([[5, 7]])})
    assert y[0, :, 0].numpy().tolist() == [5, 7]


def test_the_output_has_the_inputs_shape_and_masks_are_let_through():
    assert Echo().compute_output_shape((None, None, 8)) == (None, None, 8)
    assert Echo().supports_masking
