import numpy as np
import pytest

from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN
from tfmusic.errors import UserError
from tfmusic.models import make_model
from tfmusic.music import write_midi
from tfmusic.sampling.samplers import Sampler
from tfmusic.sampling.score_filling import ScoreFilling
from tfmusic.tokenizers.grid import read_grid
from tfmusic.training import run

MELODY = np.full([16, 4], -1)
MELODY[:, 0] = np.repeat([72, 74, 76, 72], 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filling")
    for name, config in (("infiller", INFILLER), ("decoder", MODEL)):
        run.write_settings(str(folder / name), config, TRAIN, TOKENIZER)
        run.save_best(make_model(config), str(folder / name), {"step": 3})
    write_midi(TOKENIZER.grid_to_sequence(MELODY), folder / "melody.mid")
    return folder


def test_a_melody_gets_three_voices_and_stays(folder):
    filling = ScoreFilling(str(folder / "infiller"), str(folder / "melody.mid"))
    assert filling.num_gaps == 3 * 16
    grid, _ = read_grid(filling.fill(Sampler(), seed=1, num_steps=2))
    np.testing.assert_array_equal(grid[:, 0], MELODY[:, 0])
    again, _ = read_grid(filling.fill(Sampler(), seed=1, num_steps=2))
    np.testing.assert_array_equal(again, grid)


def test_errors_name_the_file_or_the_model(folder):
    with pytest.raises(UserError, match=r"melody\.mid: there is no bar 9"):
        ScoreFilling(str(folder / "infiller"), str(folder / "melody.mid"), bars=[9])
    with pytest.raises(UserError, match="decoder"):
        ScoreFilling(str(folder / "decoder"), str(folder / "melody.mid"))
