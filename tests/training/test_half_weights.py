"""Float16 files: Keras reads them, and they are off by their rounding alone."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.tiny import MODEL
from tfmusic.errors import UserError
from tfmusic.models import MusicDecoder
from tfmusic.training.half_weights import write_half_weights


def make_model(**changes):
    return MusicDecoder(**dataclasses.asdict(dataclasses.replace(MODEL, **changes)))


@pytest.fixture
def source(tmp_path):
    """A file of weights from 2^-30 to 2^15, some large enough to be compressed."""
    model = make_model(hidden_dim=64, intermediate_dim=128)
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        exponents = generator.uniform(-30, 15, variable.shape)
        variable.assign(generator.choice([-1, 1], variable.shape) * 2**exponents)
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    return model, path


def test_weights_come_back_rounded(source, tmp_path):
    model, path = source
    half = str(tmp_path / "half.weights.h5")
    write_half_weights(path, half)
    loaded = make_model(hidden_dim=64, intermediate_dim=128)
    loaded.load_weights(half)
    for before, after in zip(model.weights, loaded.weights, strict=True):
        assert after.dtype == before.dtype
        before, after = before.numpy(), after.numpy()
        bound = np.maximum(np.abs(before.astype(float)) * 2.0**-11, 2.0**-25)
        assert (np.abs(after.astype(float) - before) <= bound).all()
    with h5py.File(half) as file:
        kinds = set()
        file.visititems(lambda name, item: kinds.add(getattr(item, "dtype", None)))
    assert {np.dtype("f2"), np.dtype("u1")} <= kinds and np.dtype("f4") not in kinds


def test_halving_again_changes_nothing_and_bytes_are_the_weights_alone(
    source, tmp_path
):
    _, path = source
    once, twice, again = (str(tmp_path / f"{n}.weights.h5") for n in range(3))
    write_half_weights(path, once)
    write_half_weights(once, twice)
    write_half_weights(path, again)
    assert len({Path(name).read_bytes() for name in (once, twice, again)}) == 1


def test_names_are_still_checked(source, tmp_path):
    half = str(tmp_path / "half.weights.h5")
    write_half_weights(source[1], half)
    deeper = make_model(hidden_dim=64, intermediate_dim=128, num_layers=2)
    with pytest.raises(ValueError):
        deeper.load_weights(half)
    other = make_model(hidden_dim=64, intermediate_dim=128, features={"voice": 5})
    with pytest.raises(ValueError):
        other.load_weights(half)


@pytest.mark.parametrize("value", [1e5, -np.inf, np.nan])
def test_what_float16_can_not_hold_is_an_error(source, tmp_path, value):
    model, path = source
    bias = model.logits_dense.bias
    bias.assign(np.full(bias.shape, value))
    model.save_weights(path)
    with pytest.raises(UserError, match="not finite in float16"):
        write_half_weights(path, str(tmp_path / "half.weights.h5"))
