"""The same music from a run's folder, a SavedModel and a .tflite file."""

import dataclasses
import json

import numpy as np
import pytest

from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.export import saved_model, tflite
from tfmusic.models import MusicDecoder
from tfmusic.presets import PRESETS
from tfmusic.sampling import ModelGenerator, Sampler, load_generator
from tfmusic.tokenizers import ChoraleTokenizer
from tfmusic.training import run

TOKENIZER = ChoraleTokenizer()
CONFIG = ModelConfig(
    vocabulary_size=TOKENIZER.vocabulary.size,
    num_layers=1,
    num_heads=2,
    hidden_dim=8,
    intermediate_dim=16,
    max_length=16,
    features={"voice": 5, "beat": 17},
)
PRIMES = [np.arange(20, 28, dtype=np.int32), np.zeros(0, np.int32)]

# Keras copies weights to numpy in a way that numpy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")


@pytest.fixture(scope="module")
def model():
    return MusicDecoder(**dataclasses.asdict(CONFIG))


def make_run(model, folder):
    folder = str(folder)
    run.write_settings(folder, CONFIG, PRESETS["chorale_tiny"].train, TOKENIZER)
    run.save_best(model, folder, {"step": 0, "nats_per_token": 4.0})
    return folder


def check_same_music(generator, model):
    """Also past the cache, and with every setting handed on."""
    assert generator.tokenizer.hash == TOKENIZER.hash
    expected = ModelGenerator(model, TOKENIZER, jit_compile=False)
    sampler = Sampler(0.9, top_k=20, top_p=0.95, min_p=0.01, repetition_penalty=1.1)
    for options in ({"seed": 3}, {"seed": 4, "sampler": sampler}):
        pieces = generator.generate(PRIMES, 30, **options)
        for piece, same in zip(
            pieces, expected.generate(PRIMES, 30, **options), strict=True
        ):
            assert piece.tolist() == same.tolist()


def test_a_run(model, tmp_path):
    check_same_music(load_generator(make_run(model, tmp_path / "run")), model)


def test_a_saved_model(model, tmp_path):
    saved_model.save_model(model, tmp_path / "saved", TOKENIZER)
    check_same_music(load_generator(tmp_path / "saved"), model)


def test_a_tflite_file(model, tmp_path):
    path = tmp_path / "model.tflite"
    tflite.convert(model, TOKENIZER, path, quantization="none")
    check_same_music(load_generator(path), model)


def test_what_is_no_model_is_refused_by_name(model, tmp_path):
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "notes.mid").write_bytes(b"MThd")
    for name in ("empty.tflite", "none.tflite", "notes.mid", "nothing", "."):
        with pytest.raises(UserError, match=str(tmp_path / name)):
            load_generator(tmp_path / name)


def test_a_run_of_another_tokenizer_is_refused(model, tmp_path):
    folder = make_run(model, tmp_path / "run")
    path = tmp_path / "run" / "tokenizer.json"
    data = json.loads(path.read_text())
    path.write_text(ChoraleTokenizer(max_pitch=90).to_json())
    with pytest.raises(UserError, match="chorale"):
        load_generator(folder)
    data["grammar"]["classes"][5] = 0
    path.write_text(json.dumps(data))
    with pytest.raises(UserError, match="chorale"):
        load_generator(folder)
