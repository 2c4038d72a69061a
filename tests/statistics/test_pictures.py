import os

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tests.statistics.notes import make_melody
from tfmusic.errors import UserError
from tfmusic.statistics.comparison import compare
from tfmusic.statistics.features import note_features
from tfmusic.statistics.pictures import (
    BETWEEN_COLOR,
    GENERATED_COLOR,
    REAL_COLOR,
    draw_pictures,
)


def area_of(path, color):
    """How many of the picture's pixels have exactly this color."""
    pixels = matplotlib.image.imread(path)[..., :3]
    return int((np.abs(pixels - to_rgb(color)).max(axis=-1) < 1 / 255).sum())


@pytest.fixture(scope="module")
def two_features():
    def pieces(seed):
        generator = np.random.default_rng(seed)
        return [
            note_features(make_melody(generator.integers(60, 80, 30))) for _ in range(4)
        ]

    compared = compare(pieces(0), pieces(1))
    return [c for c in compared if c.feature.name in ("pitch_range", "pitch_classes")]


def test_a_picture_of_each_feature_and_one_of_all(two_features, tmp_path):
    before = dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False)
    names = draw_pictures(two_features, tmp_path / "pictures")
    assert before == (
        dict(matplotlib.rcParams),
        matplotlib.get_backend(auto_select=False),
    )
    assert names == ["pitch_classes.png", "pitch_range.png", "overview.png"]
    assert sorted(names) == sorted(os.listdir(tmp_path / "pictures"))
    for name in names:
        for color in (REAL_COLOR, GENERATED_COLOR):
            assert area_of(tmp_path / "pictures" / name, color) > 300, (name, color)
    for name in names[:2]:
        assert area_of(tmp_path / "pictures" / name, BETWEEN_COLOR) > 100


def test_a_place_that_cannot_be_written(two_features, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        draw_pictures(two_features, tmp_path / "file")
