import keras
import numpy as np
import pytest

from tfmusic.training.schedule import WarmUpSchedule


def rates(*steps, **options):
    options = {"peak": 0.5, "warmup_steps": 10, "total_steps": 110, **options}
    schedule = WarmUpSchedule(**options)
    return [float(schedule(step)) for step in steps]


@pytest.mark.parametrize("decay", ["cosine", "inverse_sqrt", "constant"])
def test_the_rate_grows_to_its_peak_in_even_steps(decay):
    growth = rates(*range(10), decay=decay)
    np.testing.assert_allclose(growth, np.arange(1, 11) * 0.05, rtol=1e-6)
    assert max(rates(*range(110), decay=decay)) == growth[-1] == 0.5


def test_cosine_is_half_in_the_middle_and_zero_at_the_last_step():
    middle, last, beyond = rates(59, 109, 200)
    assert middle == pytest.approx(0.25, rel=1e-5)
    assert last == pytest.approx(0, abs=1e-8)
    assert beyond == pytest.approx(0, abs=1e-8)
    assert (np.diff(rates(*range(9, 110))) < 0).all()


def test_inverse_sqrt_halves_at_four_times_the_steps():
    np.testing.assert_allclose(
        rates(9, 39, 159, decay="inverse_sqrt"), [0.5, 0.25, 0.125], rtol=1e-6
    )


def test_constant_stays():
    assert rates(10, 1000, decay="constant") == [0.5, 0.5]


def test_no_warm_up_begins_at_the_peak():
    assert rates(0, warmup_steps=0, decay="constant") == [0.5]


def test_a_run_shorter_than_its_warm_up_only_grows():
    np.testing.assert_allclose(
        rates(0, 4, warmup_steps=10, total_steps=5), [0.05, 0.25], rtol=1e-6
    )


def test_round_trip():
    schedule = WarmUpSchedule(0.5, 10, 110, "inverse_sqrt")
    config = keras.optimizers.schedules.serialize(schedule)
    copy = keras.optimizers.schedules.deserialize(config)
    assert isinstance(copy, WarmUpSchedule)
    assert copy.get_config() == schedule.get_config()
