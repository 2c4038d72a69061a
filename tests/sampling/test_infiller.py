import numpy as np
import pytest

from tests import goldens
from tests.tiny import INFILLER, TOKENIZER, make_pieces
from tfmusic.datasets.grid_reader import GridReader
from tfmusic.models import make_model
from tfmusic.sampling import Sampler, infiller
from tfmusic.sampling.infiller import Infiller, masking_probability, window_starts

IDS = make_pieces(44).piece(0)  # 11 steps; windows show 4
MELODY = np.arange(44) % 4 != 0  # all but the soprano is unknown


@pytest.fixture(scope="module")
def model():
    model = make_model(INFILLER)
    goldens.shake(model)
    # Special ids would be drawn, were they not excluded.
    model.logits_dense.bias.assign(np.where(np.arange(50) < 3, 9.0, 0.0))
    return model


@pytest.fixture(scope="module")
def filler(model):
    return Infiller(model, TOKENIZER, jit_compile=False)


def test_the_masking_probability_falls_and_stays():
    chances = [masking_probability(step, 10) for step in range(10)]
    np.testing.assert_allclose(chances[:3], [0.9, 0.9 - 0.8 / 7, 0.9 - 1.6 / 7])
    np.testing.assert_allclose(chances[7:], 0.1)
    assert masking_probability(0, 1) == 0.9


@pytest.mark.parametrize("method", ["gibbs", "ancestral"])
@pytest.mark.parametrize("unknown", [MELODY, np.arange(44) // 4 == 6, ~MELODY])
def test_what_is_given_stays_and_all_else_is_music(filler, method, unknown):
    before = IDS.copy()
    filled = filler.fill(IDS, unknown, seed=1, method=method, num_steps=5)
    np.testing.assert_array_equal(IDS, before)
    assert filled.dtype == np.int32
    np.testing.assert_array_equal(filled[~unknown], IDS[~unknown])
    assert (filled[unknown] >= 3).all() and (filled < 50).all()


def test_what_unknown_cells_held_does_not_matter(filler):
    other = np.where(MELODY, 7, IDS)
    filled = filler.fill(IDS, MELODY, num_steps=3)
    np.testing.assert_array_equal(filler.fill(other, MELODY, num_steps=3), filled)


@pytest.mark.parametrize("method", ["gibbs", "ancestral"])
def test_seeds_and_numbers_make_different_music_and_the_same_again(filler, method):
    def fill(**options):
        return filler.fill(IDS, MELODY, method=method, num_steps=3, **options).tolist()

    assert fill() == fill(seed=0, number=0)
    assert len({tuple(fill(seed=s, number=n)) for s in (0, 1) for n in (0, 1)}) == 4


def test_nothing_unknown_is_the_music_itself(filler):
    for method in infiller.METHODS:
        filled = filler.fill(IDS, np.zeros(44, bool), method=method)
        np.testing.assert_array_equal(filled, IDS)


def test_greedy_ancestral_sampling_of_one_cell_takes_the_likeliest(filler, model):
    unknown = np.arange(44) == 22  # step 5, in the window of steps 4 to 7
    filled = filler.fill(IDS, unknown, Sampler(temperature=0.0), method="ancestral")
    cells = np.arange(16, 32)
    inputs = {
        "tokens": np.where(unknown, 0, IDS)[cells],
        "voice": 1 + cells % 4,
        "beat": 1 + cells // 4,
    }
    inputs = {name: row[np.newaxis].astype("int32") for name, row in inputs.items()}
    assert filled[22] == 3 + model(inputs).numpy()[0, 22 - 16, 3:].argmax()


def test_each_step_masks_a_part_of_the_unknown_and_no_other(model, monkeypatch):
    filler = Infiller(model, TOKENIZER, jit_compile=False)
    seen = []
    original = filler._pass

    def spy(inputs, *arguments):
        hidden = (inputs["tokens"] == 0) & (inputs["voice"] > 0)
        assert not hidden[inputs["voice"] == 1].any(), "the soprano is given"
        cells = inputs["voice"] > 1
        seen.append(hidden.sum() / cells.sum())
        return original(inputs, *arguments)

    monkeypatch.setattr(filler, "_pass", spy)
    filler.fill(IDS, MELODY, num_steps=20)
    assert len(seen) == 20 and seen[0] == 1.0
    assert np.mean(seen[1:5]) > 0.6 and np.mean(seen[14:]) < 0.25


def test_music_of_any_length(model):
    """Shorter than a window, and with a window that ends with the piece."""
    filler = Infiller(model, TOKENIZER)
    for length in (4, 16, 20, 36):
        filled = filler.fill(IDS[:length], MELODY[:length], num_steps=2)
        assert len(filled) == length and (filled >= 3).all()


@pytest.mark.parametrize("length", [8, 12, 16, 20])
@pytest.mark.parametrize("num_cells", range(4, 64, 4))
def test_every_cell_is_in_its_window_and_not_at_an_edge_inside_the_piece(
    length, num_cells
):
    reader = GridReader(num_cells, TOKENIZER, ("voice", "beat"), length)
    cells = np.arange(num_cells)
    starts = window_starts(reader.starts(cells, before=1 / 2), reader)
    assert (starts <= cells).all() and (cells < starts + length).all()
    assert (starts % 4 == 0).all() and starts.min() == 0
    assert starts.max() == max(num_cells - length, 0)
    before, after = cells - starts, starts + length - 1 - cells
    assert (before[starts > 0] >= length // 4 - 4).all()
    assert (after[starts < starts.max()] >= length // 4 - 4).all()


def test_wrong_arguments(filler):
    with pytest.raises(ValueError, match="method 'magic': expected one of"):
        filler.fill(IDS, MELODY, method="magic")
    with pytest.raises(ValueError, match="num_steps must be 1 or more, not 0"):
        filler.fill(IDS, MELODY, num_steps=0)
