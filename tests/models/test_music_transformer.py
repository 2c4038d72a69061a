import dataclasses

import pytest

from tests.tiny import INFILLER, MODEL
from tfmusic.models import ChoraleInfiller, MusicDecoder


def test_a_model_is_of_its_own_kind_only():
    with pytest.raises(ValueError, match="is of kind 'decoder', not 'infiller'"):
        MusicDecoder(**dataclasses.asdict(INFILLER))
    with pytest.raises(ValueError, match="is of kind 'infiller', not 'decoder'"):
        ChoraleInfiller(**dataclasses.asdict(MODEL))


def test_inputs_are_what_is_embedded_and_what_mixers_read():
    config = dataclasses.replace(
        MODEL,
        features={"beat": 17},
        mixer_options={"relative_global": {"tokens_per_step": 4, "num_pitches": 48}},
    )
    model = MusicDecoder(**dataclasses.asdict(config))
    assert model.feature_names == ("beat", "pitch", "voice")
    assert sorted(model.feature_embeddings) == ["beat"]
