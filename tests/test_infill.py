"""Infillers by the commands: trained, scored, filling a score, refused elsewhere."""

import json
import os
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from absl import flags

from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN, write_jsb
from tfmusic.export import tflite
from tfmusic.models import make_model
from tfmusic.music import read_sequence, write_midi
from tfmusic.tokenizers.grid import read_grid
from tfmusic.training import run

# Two bars: C major with the soprano's half notes struck again, then G major.
GRID = np.array([[72, 67, 64, 48]] * 16 + [[71, 67, 62, 55]] * 16)
ONSETS = np.zeros([32, 4], bool)
ONSETS[::8, 0] = True

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")


def write(path, grid, onsets=None):
    write_midi(TOKENIZER.grid_to_sequence(grid, 96, onsets), path)


def read(path):
    return read_grid(read_sequence(path))


def without(voices=(), rows=slice(None)):
    grid = GRID.copy()
    for voice in voices:
        grid[rows, voice] = -1
    return grid


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds infiller/ and decoder/, untrained runs, scores, and data to prepare."""
    folder = tmp_path_factory.mktemp("infill")
    for name, config in (("infiller", INFILLER), ("decoder", MODEL)):
        run.write_settings(str(folder / name), config, TRAIN, TOKENIZER)
        run.save_best(make_model(config), str(folder / name), {"step": 3})
    write(folder / "melody.mid", without((1, 2, 3)), ONSETS)
    write(folder / "no_alto.mid", without((1,)))
    write(folder / "empty_bar.mid", without(range(4), slice(0, 16)))
    write(folder / "full.mid", GRID)
    write(folder / "high.mid", GRID + 24)
    write(folder / "silent.mid", GRID[:0])
    melody = TOKENIZER.grid_to_sequence(without((1, 2, 3)), 96)
    del melody.instrument_infos[:]  # a track that is not named
    write_midi(melody, folder / "unnamed.mid")
    write_jsb(folder / "jsb.json")
    return folder


@pytest.fixture
def fill(folder, command, monkeypatch):
    """fill(score, *flags): the grid and the onsets of what the command wrote."""
    monkeypatch.chdir(folder)

    def run_command(score, *arguments):
        code, printed, errors = command(
            *("generate", "--model_dir=infiller", f"--infill={score}"),
            *("--output=out.mid", "--infill_steps=2", *arguments),
        )
        assert code == 0, errors
        assert "0 invalid tokens" in printed
        return read(folder / "out.mid")

    return run_command


@pytest.mark.parametrize("score", ["melody.mid", "unnamed.mid"])
def test_a_melody_is_harmonized_and_stays_as_it_is(fill, folder, score):
    grid, onsets = fill(score)
    given, given_onsets = read(folder / score)
    np.testing.assert_array_equal(grid[:, 0], GRID[:, 0])
    np.testing.assert_array_equal(onsets[:, 0], given_onsets[:, 0])
    assert (given[:, 1:] == -1).all() and (grid[:, 1:] != -1).mean() > 0.5
    assert onsets[:, 0].sum() == (4 if score == "melody.mid" else 2)
    assert read_sequence("out.mid").tempos[0].qpm == pytest.approx(96, abs=0.01)


def test_a_voice_is_completed(fill):
    grid, _ = fill("no_alto.mid", "--infill_method=ancestral", "--top_p=0.9")
    kept = [0, 2, 3]
    np.testing.assert_array_equal(grid[:, kept], GRID[:, kept])
    assert (grid[:, 1] != -1).any()


def test_an_empty_bar_is_filled(fill):
    grid, _ = fill("empty_bar.mid")
    np.testing.assert_array_equal(grid[16:], GRID[16:])
    assert (grid[:16] != -1).any(axis=0).all()


def test_chosen_bars_of_chosen_voices_are_replaced(fill):
    grid, _ = fill("full.mid", "--infill_bars=2", "--infill_voices=alto,Bass")
    np.testing.assert_array_equal(grid[:16], GRID[:16])
    np.testing.assert_array_equal(grid[16:, [0, 2]], GRID[16 : len(grid), [0, 2]])
    assert (grid[16:, [1, 3]] != GRID[16 : len(grid), [1, 3]]).any(axis=0).all()


def test_pieces_are_numbered_and_counted(folder, command, monkeypatch):
    monkeypatch.chdir(folder)
    code, printed, _ = command(
        *("generate", "--model_dir=infiller", "--infill=no_alto.mid"),
        *("--output=two/x.mid", "--picture=two/x.png", "--num_pieces=2"),
        *("--infill_steps=2", "--report=two/report.json"),
    )
    assert code == 0
    assert sorted(os.listdir("two")) == [
        *("report.json", "x-1.mid", "x-1.png", "x-2.mid", "x-2.png")
    ]
    first, second = (read(f"two/x-{number}.mid")[0] for number in (1, 2))
    assert (first != second[: len(first)]).any()
    report = json.loads(Path("two/report.json").read_text())
    assert (report["pieces"], report["tokens"]) == (2, 64)
    assert printed.splitlines()[-1].startswith("64 tokens in ")
    shutil.rmtree("two")


FILL = ["generate", "--model_dir=infiller", "--output=new.mid"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([*FILL, "--infill=full.mid"], "full.mid: every voice has notes and no bar is"),
        ([*FILL, "--infill=silent.mid"], "silent.mid: no music there"),
        ([*FILL, "--infill=none.mid"], "cannot read none.mid"),
        ([*FILL, "--infill=jsb.json"], "jsb.json: not a music file"),
        ([*FILL, "--infill=high.mid", "--infill_voices=bass"], "high.mid: pitch 96 is"),
        (
            [*FILL, "--infill=full.mid", "--infill_bars=3"],
            "there is no bar 3: the last",
        ),
        ([*FILL, "--infill=full.mid", "--infill_bars=two"], "write such as 3-4 or 7"),
        ([*FILL, "--infill=full.mid", "--infill_voices=viola"], "no voice is named"),
        ([*FILL, "--infill=full.mid", "--prime=full.mid"], "give --prime or --infill"),
        ([*FILL, "--infill=full.mid", "--tokens=9"], "give --tokens or --infill"),
        ([*FILL, "--infill=x.mid", "--repetition_penalty=2"], "is not for --infill"),
        ([*FILL, "--infill=full.mid", "--infill_steps=0"], "--infill_steps=0"),
        ([*FILL, "--infill_bars=1"], "--infill_bars is a part of a score"),
        (FILL, "infiller holds an infiller, which fills gaps"),
        (
            ["generate", "--model_dir=decoder", "--infill=melody.mid"],
            "decoder holds a decoder, which continues music",
        ),
    ],
)
def test_wrong_input_is_one_line(folder, command, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    code, _, errors = command(*arguments)
    assert code == 2
    assert errors.startswith("tfmusic: ") and errors.count("\n") == 1, errors
    assert message in errors
    assert sorted(folder.rglob("*")) == before


@pytest.fixture
def export(monkeypatch):
    """Runs `python -m tfmusic.export` in this process: the exit code."""

    def run_command(*arguments):
        monkeypatch.setattr("sys.argv", ["export", *arguments])
        saved = dict(vars(flags.FLAGS))
        libraries = flags.FlagValues()
        for module, defined in flags.FLAGS.flags_by_module_dict().items():
            if not module.startswith("tfmusic."):
                for flag in defined:
                    libraries[flag.name] = flag
        vars(flags.FLAGS).update(vars(libraries))
        try:
            with pytest.raises(SystemExit) as exit_:
                path = Path(__file__).parents[1] / "export" / "__main__.py"
                runpy.run_path(str(path), run_name="__main__")
        finally:
            vars(flags.FLAGS).update(saved)
        return exit_.value.code

    return run_command


def test_an_exported_infiller_fills_the_same(folder, command, export, monkeypatch):
    monkeypatch.chdir(folder)
    code = export(
        *("--model_dir=infiller", "--output_dir=exported", "--quantization=none"),
        "--noheld_out",
    )
    assert code in (0, None)
    assert sorted(os.listdir("exported")) == [
        *("model.tflite", "report.json", "saved_model")
    ]
    report = json.loads(Path("exported/report.json").read_text())
    assert report["kind"] == "infiller"
    for name in ("saved_model", "tflite"):
        assert report[name]["random"]["max_difference"] < 5e-5
    music = []
    for model_dir in ("infiller", "exported/model.tflite"):
        code, printed, errors = command(
            *("generate", f"--model_dir={model_dir}", "--infill=melody.mid"),
            *("--output=out.mid", "--infill_steps=3", "--seed=2", "--top_p=0.9"),
        )
        assert code == 0, errors
        music.append(read(folder / "out.mid")[0].tolist())
        assert ("with the time to compile" in printed) == (model_dir == "infiller")
    assert music[0] == music[1]
    shutil.rmtree("exported")


def test_a_tflite_file_of_another_kind_is_one_line(folder, command, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("infiller", "decoder"):
        loaded = run.load_run(name)
        tflite.convert(loaded.model, loaded.tokenizer, f"{name}.tflite", "none")
    (folder / "empty.tflite").write_bytes(b"")
    for arguments, message in (
        (["--model_dir=infiller.tflite"], "infiller.tflite holds an infiller, which"),
        (
            ["--model_dir=decoder.tflite", "--infill=melody.mid"],
            "decoder.tflite holds a decoder, which continues music: leave --infill out",
        ),
        (["--model_dir=none.tflite", "--infill=melody.mid"], "cannot read none.tflite"),
        (["--model_dir=empty.tflite", "--infill=melody.mid"], "empty.tflite: not a .t"),
    ):
        code, _, errors = command("generate", *arguments, "--output=none.mid")
        assert code == 2 and message in errors and errors.count("\n") == 1, errors
    for path in folder.glob("*.tflite"):
        path.unlink()


def test_trained_and_scored_by_the_commands(folder, command, tmp_path):
    data = [f"--data_dir={folder / 'data'}", f"--input={folder / 'jsb.json'}"]
    data.append("--dataset=jsb_chorales")
    tiny = [
        *("--set=num_layers=2", '--set=mixer=["fourier", "full"]', "--set=num_heads=2"),
        *("--set=hidden_dim=8", "--set=intermediate_dim=8", "--set=max_length=16"),
        *("--set=length=16", "--set=batch_size=2", "--set=schedule=constant"),
    ]
    train = ["train", "--preset=chorale_infiller", *tiny, *data, "--xla=false"]
    model_dir = f"--model_dir={tmp_path / 'run'}"
    code, printed, _ = command(*train, model_dir, "--steps=2")
    assert code == 0 and "step 2: validation " in printed
    code, printed, _ = command(*train, model_dir, "--steps=3")
    assert code == 0 and "from step 2" in printed.splitlines()[0]
    code, printed, errors = command("evaluate", model_dir, *data, "--orders=2")
    assert code == 0, errors
    report = json.loads(printed)
    assert (report["num_tokens"], report["orders"], report["step"]) == (13 * 4, 2, 3)
    for name in ("framewise", "notewise", "chronological"):
        assert 3 < report[f"{name}_nats_per_token"] < 6
    code, _, errors = command("evaluate", model_dir, *data, "--keys=2")
    assert code == 2 and "--keys says nothing about" in errors
