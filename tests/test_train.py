"""The command, end to end, on four-part music of a few bars."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import MODEL, TRAIN, write_jsb
from tfmusic.datasets import bach_chorales, pieces
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.training import run
from tfmusic.training.losses import Losses

CHECKOUT = Path(__file__).parents[1]

# A model and a training that take a second.
TINY = [
    "--set=num_layers=1",
    "--set=num_heads=2",
    "--set=hidden_dim=8",
    "--set=intermediate_dim=8",
    "--set=max_length=16",
    "--set=length=16",
    "--set=batch_size=2",
    "--set=schedule=constant",
    "--set=watch_every=0",
    "--xla=false",
]


@pytest.fixture(scope="module")
def jsb(tmp_path_factory):
    """Flags that give the data, prepared by whoever comes first."""
    folder = tmp_path_factory.mktemp("train")
    path = write_jsb(folder / "jsb.json")
    return [
        f"--input={path}",
        f"--data_dir={folder / 'data'}",
        "--dataset=jsb_chorales",
    ]


def test_a_training_that_goes_on(command, jsb, tmp_path):
    arguments = ["train", *TINY, *jsb, f"--model_dir={tmp_path / 'run'}"]
    code, printed, _ = command(*arguments, "--steps=2")
    assert code == 0
    *_, progress, validation, last = printed.splitlines()
    assert progress.startswith("step 2/2 ")
    assert "nats/token" in progress and "tokens/s" in progress and "left" in progress
    assert validation.startswith("step 2: validation ")
    best = run.read_best(str(tmp_path / "run"))
    assert last == (
        f"best: {best['nats_per_token']:.4f} validation nats/token at step 2; "
        f"the run is in {tmp_path / 'run'}"
    )

    code, printed, errors = command(*arguments, "--steps=3")
    assert (code, errors) == (0, "")  # the data is prepared
    assert printed.splitlines()[0].endswith("from step 2")
    assert "step 3/3 " in printed
    loaded = run.load_run(str(tmp_path / "run"))
    assert loaded.train_config.steps == 3
    assert loaded.model_config.hidden_dim == 8
    assert loaded.model_config.vocabulary_size == 50


def test_long_windows_are_attended_to_in_blocks_unless_they_are_not_to_be(
    command, jsb, tmp_path
):
    def config(name, *arguments):
        folder = str(tmp_path / name)
        long = [*TINY, "--set=max_length=1024", "--set=length=1024", "--steps=1"]
        arguments = [*long, *jsb, *arguments, f"--model_dir={folder}"]
        code, _, errors = command("train", *arguments)
        assert code == 0, errors
        return run.read_settings(folder)[0]

    assert config("default").attention_block_size == 128
    whole = config("whole", "--set=attention_block_size=null")
    assert whole.attention_block_size is None


def test_a_preemption_saves_in_the_home_folder(command, jsb, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    add = Losses.add

    def add_and_signal(self, *numbers):
        add(self, *numbers)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Losses, "add", add_and_signal)
    code, _, errors = command("train", *TINY, *jsb, "--model_dir=~/run", "--steps=2")
    assert code == 75
    *_, last = errors.splitlines()
    assert last == (
        "tfmusic: stopped by SIGTERM at step 1, which is saved: the same command goes "
        "on from there"
    )
    assert (tmp_path / "run" / "checkpoints" / "ckpt-1.index").is_file()


def test_another_data_set_brings_its_tokenizer(command, jsb, tmp_path):
    def train(name, *arguments):
        model_dir = tmp_path / name
        code, _, errors = command(
            *("train", *TINY, *jsb, f"--model_dir={model_dir}", "--steps=1"),
            *arguments,
        )
        assert code == 0, errors
        return json.loads((model_dir / "config.json").read_text())

    # The preset is of folk songs; these are chorales, of which it has no feature.
    settings = train("run", "--preset=article")
    assert settings["train"]["tokenizer"] == "chorale"
    assert settings["model"]["features"] == {}
    settings = train("other", "--preset=article", "--set=tokenizer=melody")
    assert settings["train"]["tokenizer"] == "melody"
    # A preset's features are told by another tokenizer, or left out.
    settings = train("grid", "--preset=chorale_tiny", "--set=tokenizer=melody")
    assert settings["model"]["features"] == {"beat": 17}


def test_flags_become_settings(command, jsb, tmp_path):
    code, _, _ = command(
        *("train", *TINY, *jsb, f"--model_dir={tmp_path / 'run'}"),
        *("--preset=article", "--steps=1", "--bfloat16", "--seed=7"),
        *("--set=transpose=2", "--set=mixer=relative_global", "--set=features={}"),
    )
    assert code == 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    expected = {
        "dataset": "jsb_chorales",
        "steps": 1,
        "dtype": "bfloat16",
        "xla": False,
        "seed": 7,
        "transpose": 2,
        "batch_size": 2,
    }
    assert settings["train"].items() >= expected.items()
    expected = {"mixer": "relative_global", "positions": "learned", "num_layers": 1}
    assert settings["model"].items() >= expected.items()
    loaded = run.load_run(str(tmp_path / "run"))
    assert all(np.isfinite(array).all() for array in loaded.model.get_weights())


def test_the_built_in_data_is_prepared_on_the_way(command, tmp_path, monkeypatch):
    # A few of its files, as all of them take a while to read.
    corpus = Path(bach_chorales.find_corpus("bach"))
    (tmp_path / "corpus").mkdir()
    for number in range(253, 300):
        for path in corpus.glob(f"bwv{number}.mxl"):
            (tmp_path / "corpus" / path.name).symlink_to(path)
    monkeypatch.setattr(bach_chorales, "find_corpus", lambda name: tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)
    code, printed, errors = command("train", *TINY, "--steps=1", "--data_dir=data")
    assert code == 0, errors
    assert "bach_chorales" in errors  # says what it reads
    assert printed.endswith("the run is in out/chorale_tiny\n")
    assert run.is_run("out/chorale_tiny")


def assert_one_line(result, message):
    code, printed, errors = result
    assert (code, printed) == (2, "")
    assert errors.startswith("tfmusic: ") and errors.count("\n") == 1, errors
    assert message in errors


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--preset=none"], "--preset=none: value should be one of"),
        (["--strategy=gpu"], "--strategy=gpu: value should be one of"),
        (["--steps=0"], "--steps=0"),
        (["--steps=many"], "--steps=many"),
        (["--seed=-1"], "seed -1"),
        (["--set=hidden_dim"], "--set key=value"),
        (["--set=hiden_dim=8"], "hiden_dim: unknown; known:"),
        (["--set=hidden_dim=wide"], "hidden_dim='wide'"),
        (["--set=schedule=linear"], "schedule='linear': expected one of"),
        (["--set=num_heads=3"], "hidden_dim 8 is not a multiple of num_heads 3"),
        (["--set=mixer=recurrent"], "unknown mixer 'recurrent'"),
        (["--set=mixer=fourier"], "mixer 'fourier' is not causal"),
        (["--set=length=17"], "longer than the model's max_length 16"),
        (["--set=tokenizer=none"], "no tokenizer is named 'none'"),
        (["--dataset=none"], "no data set is named 'none'"),
        (["--input=missing.json"], "cannot read missing.json"),
        (["--input=", "--data_dir=empty"], "cannot read"),
        (["--dataset=bach_chorales"], "needs no --input"),
        (["--strategy=tpu"], "no TPU answers as 'local'"),
        (["--strategy=multi_worker"], "needs TF_CONFIG"),
        (["--strategy=mirrored", "--set=batch_size=3"], "2 replicas"),
        (["--model_dir=file/run"], "cannot write to file/run: "),
        (["--model_dir=/proc/run"], "cannot write /proc/run"),
        (["--data_dir=file/data"], "cannot write"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(
    command, jsb, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    model_dir = [] if "--model_dir" in arguments[0] else ["--model_dir=run"]
    assert_one_line(command("train", *TINY, *jsb, *model_dir, *arguments), message)
    assert os.listdir() == ["file"] and not Path("file").read_bytes()


def test_data_that_needs_its_input_says_how_to_prepare_it(command, tmp_path):
    result = command(
        "train", "--dataset=jsb_chorales", f"--data_dir={tmp_path / 'data'}"
    )
    assert_one_line(result, "python -m tfmusic.prepare --dataset=jsb_chorales --input=")
    assert not os.listdir(tmp_path)


def test_a_preemption_before_the_first_step_has_its_code(
    command, jsb, tmp_path, monkeypatch
):
    def preempted(*_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(pieces, "load_pieces", preempted)
    handler = signal.getsignal(signal.SIGTERM)
    code, _, errors = command("train", *TINY, *jsb, f"--model_dir={tmp_path / 'run'}")
    assert code == 75 and errors.count("\n") == 1
    assert "stopped by SIGTERM before the first step" in errors
    assert signal.getsignal(signal.SIGTERM) == handler


def test_a_folder_of_another_tokenizer_is_refused_naming_both(command, jsb, tmp_path):
    other, tokenizer = ChoraleTokenizer(max_pitch=84), ChoraleTokenizer()
    run.write_settings(str(tmp_path), MODEL, TRAIN, other)
    before = sorted(tmp_path.rglob("*"))
    result = command("train", *TINY, *jsb, f"--model_dir={tmp_path}")
    assert_one_line(result, f"{tmp_path} has tokenizer chorale ({other.hash})")
    assert f"chorale ({tokenizer.hash})" in result[2]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_process_shows_its_one_line_only(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    del environment["TF_CPP_MIN_LOG_LEVEL"]
    result = subprocess.run(
        [sys.executable, "-m", "tfmusic.train", "--strategy=tpu"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert_one_line(
        (result.returncode, result.stdout, result.stderr), "no TPU answers as 'local'"
    )
