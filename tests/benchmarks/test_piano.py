import dataclasses

import pytest

from benchmarks.piano import Chip, hours, operations_per_token
from tests.tiny import MODEL
from tfmusic.models import MusicDecoder


@pytest.mark.parametrize("key_dim", [None, 3])
def test_each_weight_of_a_product_counts_six_times(key_dim):
    config = dataclasses.replace(MODEL, num_layers=2, key_dim=key_dim)
    model = MusicDecoder(**dataclasses.asdict(config))
    kernels = [variable for variable in model.weights if variable.name == "kernel"]
    weights = sum(int(variable.value.shape.num_elements()) for variable in kernels)
    assert operations_per_token(config, length=0) == 6 * weights


def test_attention_grows_with_the_window():
    short, long = (operations_per_token(MODEL, length) for length in (100, 300))
    # 200 keys more: scores, distances, values; 2 operations, and 4 to go back.
    assert long - short == 200 * MODEL.hidden_dim * 3 * 6


def test_the_slower_of_work_and_traffic_decides():
    chip = Chip("chip", operations=100.0, bytes=10.0)
    assert hours(chip, 3600.0, 36.0, share=1.0, steps=1) == pytest.approx(36 / 3600)
    assert hours(chip, 36.0, 3600.0, share=0.5, steps=2) == pytest.approx(0.4)
