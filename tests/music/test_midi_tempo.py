import numpy as np
import pytest

from tfmusic.music.midi_chunks import Division
from tfmusic.music.midi_tempo import TempoMap

TICKS = np.array([0, 1, 96, 97, 192, 1000])


@pytest.mark.parametrize(
    "tempos, qpm, begins, seconds",
    [
        # 96 ticks a quarter: at 120 quarters a minute, two quarters a second.
        ([], [120], [0], [0, 1 / 192, 0.5, 97 / 192, 1, 1000 / 192]),
        ([(0, 1_000_000)], [60], [0], [0, 1 / 96, 1, 97 / 96, 2, 1000 / 96]),
        (
            [(96, 1_000_000)],
            [120, 60],
            [0, 0.5],
            [0, 1 / 192, 0.5, 0.5 + 1 / 96, 1.5, 0.5 + 904 / 96],
        ),
        # The same once more; none; the last of two at once.
        (
            [(96, 500_000), (96, 0), (192, 250_000), (192, 1_000_000)],
            [120, 240, 60],
            [0, 1, 1],
            [0, 1 / 192, 0.5, 97 / 192, 1, 1 + 808 / 96],
        ),
        ([(0, 250_000), (0, 1_000_000)], [60], [0], TICKS / 96),
    ],
)
def test_tempos(tempos, qpm, begins, seconds):
    tempo_map = TempoMap(Division(96), tempos)
    np.testing.assert_allclose(tempo_map.qpm, qpm)
    np.testing.assert_allclose(tempo_map.seconds, begins)
    np.testing.assert_allclose(tempo_map.to_seconds(TICKS), seconds, rtol=1e-15)


def test_smpte_knows_no_tempo():
    tempo_map = TempoMap(Division(500, 1 / 1000), [(0, 250_000), (96, 1_000_000)])
    np.testing.assert_allclose(tempo_map.to_seconds(TICKS), TICKS / 1000)
    np.testing.assert_allclose(tempo_map.qpm, [120])
    np.testing.assert_allclose(tempo_map.seconds, [0])


def test_time_never_runs_back():
    rng = np.random.default_rng(0)
    ticks = np.cumsum(rng.integers(0, 50, 300))
    tempos = list(
        zip(ticks.tolist(), rng.integers(1, 2**24, 300).tolist(), strict=True)
    )
    seconds = TempoMap(Division(96), tempos).to_seconds(np.arange(ticks[-1] + 100))
    assert (np.diff(seconds) > 0).all()
