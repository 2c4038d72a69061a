import dataclasses

import pytest

from tests.tiny import INFILLER, MODEL
from tfmusic.errors import UserError
from tfmusic.models import ChoraleInfiller, MusicDecoder, make_model


def test_a_config_says_which_model_it_is_of():
    assert type(make_model(MODEL)) is MusicDecoder
    assert type(make_model(INFILLER)) is ChoraleInfiller


def test_the_dtype_is_passed_on():
    assert make_model(MODEL, "mixed_bfloat16").dtype_policy.name == "mixed_bfloat16"


def test_what_a_model_refuses_is_one_line():
    with pytest.raises(UserError, match="not a multiple of num_heads 3"):
        make_model(dataclasses.replace(MODEL, num_heads=3))
    with pytest.raises(UserError, match="mixer 'full' is not causal"):
        make_model(dataclasses.replace(MODEL, mixer="full"))
