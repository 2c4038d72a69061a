import dataclasses

import pytest

from benchmarks.contenders import Contender, contenders
from tests import tiny
from tfmusic.models import MusicDecoder
from tfmusic.models.mixers import MIXERS


def config_of(*mixers, num_layers=4, **changes):
    base = dataclasses.replace(tiny.MODEL, num_layers=num_layers)
    return Contender(mixers, changes).config(base)


def test_mixers_are_stretched_over_the_layers():
    low, high = "causal", "relative_global"
    assert config_of(low, low, low, high).mixer == (low, low, low, high)
    assert config_of(low, low, low, high, num_layers=6).mixer == (low,) * 5 + (high,)
    assert config_of(low).mixer == (low,) * 4


def test_sinusoids_are_for_those_who_know_no_positions():
    assert config_of("causal").positions == "sinusoidal"
    assert config_of("relative_global").positions == "none"
    assert config_of("causal", "relative_global").positions == "none"
    assert config_of("causal", positions="learned").positions == "learned"


def test_what_is_not_there_is_not_run():
    assert Contender(("causal", "no_such")).missing == ["no_such"]
    assert Contender(("causal",), {"no_field": 1}).missing == ["no_field"]
    assert {*MIXERS} <= {*contenders()}


@pytest.mark.parametrize("name", sorted(contenders()))
def test_every_contender_is_a_decoder(name):
    model = MusicDecoder(**dataclasses.asdict(contenders()[name].config(tiny.MODEL)))
    assert len(model.blocks) == tiny.MODEL.num_layers
