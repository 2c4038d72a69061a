"""The command, end to end, on a tiny model that was never trained."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tfmusic.config import ModelConfig
from tfmusic.models import MusicDecoder
from tfmusic.music import read_sequence, write_midi
from tfmusic.presets import PRESETS
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.training import run

CHECKOUT = Path(__file__).parents[1]
TOKENIZER = ChoraleTokenizer()
PRIME = [[72, 67, 64, 48]] * 4 + [[71, 67, 62, 55]] * 4  # C major, G major: a second

# Keras copies weights to numpy in a way that numpy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds run/, of a model that never ends a piece, and prime.mid."""
    folder = tmp_path_factory.mktemp("generate")
    config = ModelConfig(
        vocabulary_size=TOKENIZER.vocabulary.size,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_length=64,
        features={"voice": 5, "beat": 17},
    )
    model = MusicDecoder(**dataclasses.asdict(config))
    model.logits_dense.bias.assign([0, -1e4] + [0] * 48)
    model_dir = str(folder / "run")
    run.write_settings(model_dir, config, PRESETS["chorale_tiny"].train, TOKENIZER)
    run.save_best(model, model_dir, {"step": 0, "nats_per_token": 4.0})
    write_midi(TOKENIZER.grid_to_sequence(PRIME), folder / "prime.mid")
    return folder


def command(folder, code, *arguments):
    return subprocess.run(
        [sys.executable, *code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )


def generate(folder, *arguments):
    """Runs the command in `folder` to its good end; returns the lines it printed."""
    result = command(folder, ["-m", "tfmusic.generate"], *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def grid(path):
    return TOKENIZER.grid(read_sequence(path))


def test_two_pieces_go_on_from_a_prime_with_pictures(folder):
    lines = generate(
        folder,
        *("--model_dir=run", "--output=out/new.mid", "--picture=out/new.png"),
        *("--prime=prime.mid", "--prime_seconds=0.5", "--tokens=128"),
        *("--num_pieces=2", "--temperature=0.9", "--top_k=40", "--seed=1"),
    )
    assert sorted(os.listdir(folder / "out")) == [
        *("new-1.mid", "new-1.png", "new-2.mid", "new-2.png")
    ]
    pieces = [grid(folder / "out" / f"new-{number}.mid") for number in (1, 2)]
    for number, piece in enumerate(pieces, 1):
        assert piece[:4].tolist() == PRIME[:4]
        png = (folder / "out" / f"new-{number}.png").read_bytes()
        assert png.startswith(b"\x89PNG")
    # 4 steps of the prime and 32 new ones, minus rests that a MIDI file can't end on.
    assert pieces[0].tolist() != pieces[1].tolist()
    assert all(4 < len(piece) <= 36 for piece in pieces)
    summary = r"out/new-{}.mid: \d+ notes, 4.5 seconds, 0 invalid tokens"
    assert re.fullmatch(summary.format(1), lines[-3])
    assert re.fullmatch(summary.format(2), lines[-2])
    assert re.match(r"256 tokens in .* seconds, \d+ tokens/s", lines[-1])


def test_seconds_are_kept_and_counted(folder):
    lines = generate(
        folder,
        *("--model_dir=run", "--seconds=2.5", "--top_p=0.9", "--min_p=0.01"),
        *("--prime=prime.mid", "--prime_tokens=16", "--report=report.json"),
    )
    piece = grid(folder / "chorale.mid")
    assert piece[:4].tolist() == PRIME[:4]
    assert 4 < len(piece) <= 24
    report = json.loads((folder / "report.json").read_text())
    assert report["pieces"] == 1 and report["invalid_tokens"] == 0
    assert report["seconds"] == 3.0 and report["tokens"] == 256
    assert report["tokens_per_second"] > 0
    assert lines[-2] == (
        f"chorale.mid: {report['notes']} notes, 3.0 seconds, 0 invalid tokens"
    )


WRONG = (
    (["--infill=prime.mid"], "--infill needs an infiller: give its --model_dir"),
    (["--model_dir=nowhere"], "nowhere is not a run's folder"),
    (["--model_dir=prime.mid"], "prime.mid is not a run's folder"),
    (["--model_dir=run", "--output=x.wav"], "--output=x.wav: name a .mid file"),
    (["--model_dir=run", "--output=run.mid/x.mid"], "cannot write run.mid/x.mid"),
    (["--model_dir=run", "--picture=x.mid"], "--picture=x.mid: name a .png file"),
    (["--model_dir=run", "--top_p=0"], "--top_p must be in (0, 1], not 0.0"),
    (["--model_dir=run", "--tokens=0"], "flag --tokens=0"),
    (["--model_dir=run", "--seconds=nan"], "--seconds must be more than 0"),
    (["--model_dir=run", "--tokens=9", "--seconds=9"], "not both"),
    (["--model_dir=run", "--prime_tokens=9"], "give --prime"),
    (["--model_dir=run", "--prime=none.mid"], "cannot read none.mid"),
    (["--model_dir=run", "--prime=bach:test:0"], "bach_chorales"),
    (["--model_dir=run", "--prime=picture.mid"], "cannot read picture.mid"),
    (["--model_dir=run", "--prime=silent.mid"], "silent.mid: no music"),
    (["--model_dir=run", "--prime=high.mid"], "high.mid: pitch 100 is outside"),
)

# One process for all cases, each as `python -m tfmusic.generate` would run it.
RUN_ALL = """
import contextlib, io, json, sys
from absl import flags
from tfmusic import errors, generate
for arguments in json.loads(sys.argv[1]):
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    sys.argv = ["generate", *arguments]
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        try:
            errors.run_command(generate.main, generate.__doc__)
        except SystemExit as error:
            code = error.code
    print(json.dumps([code, stderr.getvalue()]))
"""


@pytest.fixture(scope="module")
def wrong_results(folder):
    """The exit code and standard error of each case of WRONG."""
    (folder / "run.mid").write_bytes(b"a file, not a folder")
    (folder / "picture.mid").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_midi(TOKENIZER.grid_to_sequence([]), folder / "silent.mid")
    high = TOKENIZER.grid_to_sequence([[100, 60, 55, 48]])
    write_midi(high, folder / "high.mid")
    before = sorted(folder.rglob("*"))
    arguments = json.dumps([arguments for arguments, _ in WRONG])
    result = command(folder, ["-c", RUN_ALL], arguments)
    assert result.returncode == 0, result.stderr
    assert sorted(folder.rglob("*")) == before
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("case", range(len(WRONG)), ids=lambda case: WRONG[case][1])
def test_wrong_input_is_one_line_and_leaves_nothing(wrong_results, case):
    code, stderr = wrong_results[case]
    assert code == 2
    assert stderr.startswith("tfmusic: ") and stderr.count("\n") == 1
    assert WRONG[case][1] in stderr


def test_help_names_every_flag(folder):
    text = "\n".join(generate(folder, "--help"))
    for flag in ("model_dir", "prime_seconds", "repetition_penalty", "picture"):
        assert f"--{flag}=" in text
