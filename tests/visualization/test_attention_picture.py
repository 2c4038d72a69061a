import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tests.visualization.test_attention_page import IDS, TOKENIZER
from tfmusic.tokenizers import PerformanceTokenizer
from tfmusic.visualization.attention import Attention
from tfmusic.visualization.attention_picture import (
    HEAD_COLORS,
    draw_attention,
    token_spots,
)
from tfmusic.visualization.token_notes import token_notes


@pytest.fixture
def places():
    return token_notes(IDS, TOKENIZER).beginning(12, with_bos=True)


def looking_at(*keys):
    """One layer with a head for each key, to which its last place looks alone."""
    weights = np.zeros([len(keys), 13, 13], np.float32)
    for head, key in enumerate(keys):
        weights[head, 12, key] = 1
    return Attention((weights,), ("CausalMultiHeadAttention",), first=1)


def area_of(path, color):
    """Pixels of nearly this color, to the right of which is the legend."""
    pixels = matplotlib.image.imread(path)[..., :3]
    pixels = pixels[:, : int(0.8 * pixels.shape[1])]
    return int((np.abs(pixels - to_rgb(color)).max(axis=-1) < 3 / 255).sum())


def test_heads_have_arcs_in_their_colors(places, tmp_path):
    before = dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False)
    attention = looking_at(1, 5)
    draw_attention(attention, places, tmp_path / "a.png", "Both", [0], None, 12)
    draw_attention(attention, places, tmp_path / "b.png", "The second", [0], 1, 12)
    draw_attention(attention, places, tmp_path / "c.png", "None", [0], None, 11)
    areas = [
        [area_of(tmp_path / f"{name}.png", color) for color in HEAD_COLORS[:2]]
        for name in "abc"
    ]
    assert min(areas[0]) > 200
    assert areas[1][0] == 0 and areas[1][1] > 200
    assert areas[2] == [0, 0]
    after = dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False)
    assert before == after


def test_tokens_that_are_no_notes_have_lanes_below(places):
    spots = token_spots(places)
    assert spots[1].tolist() == [0, 72] and spots[5].tolist() == [0.125, 72]
    assert spots[0, 1] < 48 and spots[11].tolist() == [0.25, spots[0, 1]]

    tokenizer = PerformanceTokenizer()
    encode = tokenizer.vocabulary.encode
    ids = [encode("TIME_SHIFT", 10), encode("VELOCITY", 1), encode("NOTE_ON", 40)]
    ids += [encode("TIME_SHIFT", 10), encode("NOTE_OFF", 40)]
    spots = token_spots(token_notes(np.array(ids), tokenizer))
    assert spots[:, 0].tolist() == [0.1, 0.1, 0.1, 0.2, 0.2]
    assert spots[:, 1].tolist() == [36, 35, 40, 36, 40]
