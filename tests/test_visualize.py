"""The command, end to end, on models that were never trained."""

import dataclasses

import matplotlib.image
import numpy as np
import pytest

from tests.test_evaluate import assert_one_line, make_run
from tests.tiny import INFILLER, TOKENIZER, TRAIN, write_jsb
from tfmusic.datasets.pieces import load_pieces
from tfmusic.models import make_model
from tfmusic.music import write_midi
from tfmusic.tokenizers import PerformanceTokenizer
from tfmusic.training import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds runs, music and the prepared data/."""
    folder = tmp_path_factory.mktemp("visualize")
    mixers = ("fourier_convolution", "relative_global")
    make_run(folder / "run", num_layers=2, mixer=mixers)
    make_run(folder / "deaf", mixer="fourier_convolution")
    (folder / "file").touch()
    path = write_jsb(folder / "jsb.json")
    load_pieces("jsb_chorales", "test", TOKENIZER, str(folder / "data"), str(path))
    grid = [[72, 67, 64, 48]] * 4 + [[71, 67, 62, 55]] * 4
    write_midi(TOKENIZER.grid_to_sequence(grid), folder / "music.mid")
    return folder


@pytest.fixture
def visualize(folder, monkeypatch, command):
    monkeypatch.chdir(folder)

    def visualize(*arguments, model_dir="run"):
        return command(
            "visualize", f"--model_dir={model_dir}", "--data_dir=data", *arguments
        )

    return visualize


def test_a_page_of_a_piece_of_the_runs_data(visualize, folder):
    code, printed, errors = visualize("--output=out/page.html", "--at=0.2")
    assert (code, errors) == (0, "")
    lines = printed.splitlines()
    assert lines[0].startswith("jsb_chorales validation ")
    assert lines[0].endswith(" (36 tokens) through run ...")
    assert lines[1] == "no attention to tokens in layer 1 (FourierConvolution)"
    assert lines[2].startswith("out/page.html: 15 tokens, ")
    assert lines[2].endswith(" at 0.12 s looks")
    page = (folder / "out" / "page.html").read_text("utf-8")
    assert "<title>Attention of run in jsb_chorales validation " in page


def test_a_picture_of_a_file(visualize, folder):
    code, printed, errors = visualize(
        *("--output=picture.PNG", "--input=music.mid", "--token=3", "--tokens=8"),
        *("--layer=2", "--head=1"),
    )
    assert (code, errors) == (0, "")
    last = printed.splitlines()[-1]
    assert last == "picture.PNG: 8 tokens, Bass C3 at 0.00 s looks"
    pixels = matplotlib.image.imread(folder / "picture.PNG", format="png")
    assert np.ptp(pixels) > 0.5


def test_an_infiller_and_a_performer(visualize, folder):
    model = make_model(INFILLER)
    run.write_settings("infiller", INFILLER, TRAIN, TOKENIZER)
    run.save_best(model, "infiller", {"step": 0})
    code, printed, errors = visualize(
        "--output=infiller.html", "--input=music.mid", model_dir="infiller"
    )
    assert (code, errors) == (0, "")
    assert printed.splitlines()[-1].startswith("infiller.html: 16 tokens, ")

    tokenizer = PerformanceTokenizer()
    config = dataclasses.replace(
        INFILLER,
        kind="decoder",
        mixer="causal",
        features={},
        vocabulary_size=tokenizer.vocabulary.size,
    )
    run.write_settings("performer", config, TRAIN, tokenizer)
    run.save_best(make_model(config), "performer", {"step": 0})
    code, printed, errors = visualize(
        "--output=performer.png", "--input=music.mid", model_dir="performer"
    )
    assert (code, errors) == (0, "")
    assert "looks" in printed


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--output=page.pdf"], "--output=page.pdf: name a .html or a .png file"),
        (["--input=music.mid", "--piece=0"], "give --input or --piece, not both"),
        (["--token=1", "--at=1"], "give --token or --at, not both"),
        (["--at=-1"], "--at must be 0 or more"),
        (["--output=file/page.html"], "cannot write file/page.html"),
        (["--model_dir=none"], "none is not a run's folder"),
        (["--model_dir=deaf"], "no layer of deaf attends to tokens"),
        (["--input=none.mid"], "none.mid"),
        (["--piece=9"], "--piece=9: jsb_chorales has 2 pieces in validation"),
        (["--layer=1"], "--layer=1 is FourierConvolution, which does not attend"),
        (["--layer=3"], "--layer=3: there are 2 layers"),
        (["--head=3"], "--head=3: there are 2 heads"),
        (["--token=15"], "--token=15: the last that is shown is 14"),
    ],
)
def test_wrong_input_is_one_line(visualize, folder, arguments, message):
    before = sorted(folder.rglob("*"))
    code, _, errors = visualize(*arguments)
    assert_one_line((code, "", errors), message)
    assert sorted(folder.rglob("*")) == before
