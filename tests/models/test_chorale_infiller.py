import dataclasses

import numpy as np
import pytest

from tests import goldens
from tests.tiny import INFILLER
from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.models import ChoraleInfiller, MusicDecoder, make_model
from tfmusic.models.mixers import ENCODER_MIXERS
from tfmusic.tokenizers import PAD

# Each must hear both sides; hybrids as well.
MIXERS = [*sorted(ENCODER_MIXERS), ("fourier", "full")]


def make(mixer):
    layers = 1 if isinstance(mixer, str) else len(mixer)
    config = dataclasses.replace(INFILLER, mixer=mixer, num_layers=layers)
    model = make_model(config)
    goldens.shake(model)
    return model


def inputs(**changes):
    generator = np.random.default_rng(0)
    values = {
        "tokens": generator.integers(3, 50, (1, 16), "int32"),
        "voice": np.tile(np.arange(1, 5, dtype="int32"), 4)[np.newaxis],
        "beat": np.repeat(np.arange(1, 5, dtype="int32"), 4)[np.newaxis],
    }
    return {**values, **changes}


@pytest.mark.parametrize("mixer", MIXERS, ids=str)
def test_an_unknown_cell_hears_what_is_before_and_after_it(mixer):
    model = make(mixer)
    tokens = inputs()["tokens"]
    tokens[0, 8] = PAD
    before = model(inputs(tokens=tokens)).numpy()
    assert before.shape == (1, 16, 50)
    for place in (0, 15):
        changed = tokens.copy()
        changed[0, place] = 3 + (changed[0, place] + 1) % 40
        after = model(inputs(tokens=changed)).numpy()
        if mixer != "reformer":  # hears its bucket only
            assert np.abs(after[0, 8] - before[0, 8]).max() > 1e-4


def test_features_tell_an_unknown_cell_from_the_end_of_the_music():
    model = make("full")
    tokens = np.full([1, 16], PAD, "int32")
    nothing = np.zeros([1, 16], "int32")
    unknown = model(inputs(tokens=tokens)).numpy()
    ended = model(inputs(tokens=tokens, voice=nothing, beat=nothing)).numpy()
    assert np.abs(unknown - ended).max() > 1e-3


def test_kinds():
    assert type(make_model(INFILLER)) is ChoraleInfiller
    decoder = dataclasses.replace(INFILLER, kind="decoder", mixer="causal")
    assert type(make_model(decoder)) is MusicDecoder
    fields = dataclasses.asdict(INFILLER)
    del fields["kind"]
    assert ChoraleInfiller(**fields).config == INFILLER, "each knows its own"
    with pytest.raises(ValueError, match="MusicDecoder is of kind 'decoder', not 'inf"):
        MusicDecoder(**dataclasses.asdict(INFILLER))
    with pytest.raises(UserError, match="kind='painter': expected one of"):
        ModelConfig(50, 1, 1, 8, 8, 16, kind="painter")


def test_a_decoders_mixer_is_refused():
    with pytest.raises(UserError, match="unknown mixer 'causal'; known: .*'full'"):
        make("causal")


def test_a_keras_file_keeps_it(tmp_path):
    import keras

    model = make("full")
    model.save(tmp_path / "infiller.keras")
    loaded = keras.models.load_model(tmp_path / "infiller.keras")
    np.testing.assert_allclose(loaded(inputs()), model(inputs()), atol=1e-6)
