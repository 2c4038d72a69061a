"""Infillers on a device: every mixer of an encoder, converted, compared and run."""

import dataclasses
import json
import zipfile

import numpy as np
import pytest

from tests import goldens
from tests.tiny import INFILLER, MODEL, TOKENIZER, TRAIN, make_pieces
from tfmusic.config import ModelConfig, from_dict
from tfmusic.errors import UserError
from tfmusic.export import held_out, runtime, saved_model, tflite, verify
from tfmusic.export.inference_model import OFF_DEVICE, device_model
from tfmusic.export.masked_windows import masked_windows, random_pieces
from tfmusic.models import make_model, mixers
from tfmusic.sampling import Infiller, Sampler
from tfmusic.training.run import Run

# Longer than a window by less than half of one, shorter, and by many.
PIECES = [make_pieces(length).piece(0) for length in (20, 12, 148)]
MIXERS = [*sorted(mixers.ENCODER_MIXERS), ("fourier", "full")]


def make(mixer, dtype=None, **options):
    layers = 1 if isinstance(mixer, str) else len(mixer)
    options = {"hidden_dim": 32, "num_layers": layers, **options}
    config = dataclasses.replace(INFILLER, mixer=mixer, **options)
    model = make_model(config, dtype)
    goldens.shake(model)
    return model


@pytest.fixture(scope="module")
def model():
    return make(("fourier", "full"))


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    """The float32 file of `model`."""
    path = tmp_path_factory.mktemp("infiller") / "model.tflite"
    tflite.convert(model, TOKENIZER, path, "none", data_license="free")
    return path


@pytest.mark.parametrize("mixer", MIXERS, ids=str)
def test_every_mixer_of_an_encoder_is_the_same_on_a_device_or_refused(mixer, tmp_path):
    model, path = make(mixer), tmp_path / "model.tflite"
    if mixer in OFF_DEVICE:
        with pytest.raises(UserError, match=f"mixer '{mixer}' needs operators that"):
            tflite.convert(model, TOKENIZER, path, "none")
        assert not path.exists()
        return
    tflite.convert(model, TOKENIZER, path, "none")
    drifts = verify.verify_tflite(model, TOKENIZER, path, PIECES)
    assert set(drifts) == {"random", "held_out"}


@pytest.mark.parametrize("sizes", [(16, 32), (16, 24), (20, 32), (4, 2)])
def test_fourier_mixing_has_a_builtin_form_at_every_size(sizes, tmp_path):
    length, dim = sizes
    model = make("fourier", max_length=length, hidden_dim=dim)
    path = tmp_path / "model.tflite"
    tflite.convert(model, TOKENIZER, path, "none")
    verify.verify_tflite(model, TOKENIZER, path)
    assert ("RFFT2D" in verify.operators(path)) == (sizes in [(16, 32), (4, 2)])
    assert device_model(model, TOKENIZER, integers=True).blocks[0].mixer.method == (
        "matmul"
    )


def test_the_copy_for_a_device_has_the_weights_and_only_it_another_method(model, path):
    copy = device_model(model, TOKENIZER)
    assert [block.mixer.method for block in copy.blocks[:1]] == ["rfft2d"]
    assert model.blocks[0].mixer.method == "fft2d"
    for ours, theirs in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        about = json.loads(archive.read("tfmusic.json"))
    assert from_dict(ModelConfig, config) == model.config
    assert (about["kind"], about["max_length"]) == ("infiller", 16)
    assert about["data_license"] == "free"
    assert not {"cache", "chunk"} & set(about)


def test_a_bfloat16_model_is_a_float32_file(tmp_path):
    model = make("fourier", dtype="mixed_bfloat16")
    tflite.convert(model, TOKENIZER, tmp_path / "model.tflite", "none")
    verify.verify_tflite(model, TOKENIZER, tmp_path / "model.tflite")


@pytest.mark.parametrize("quantization", ["float16", "dynamic_int8", "int8"])
@pytest.mark.parametrize("mixer", ["full", "fourier"])
def test_quantized_files_are_near(mixer, quantization, tmp_path, monkeypatch):
    model, path = make(mixer), tmp_path / "model.tflite"
    tflite.convert(model, TOKENIZER, path, quantization, PIECES)
    # What is random fits no limit: a trained model's weights are less far apart.
    limit = verify.Limit(0.5 if quantization == "int8" else 2e-3, 0.2)
    monkeypatch.setitem(verify.LIMITS, quantization, limit)
    drifts = verify.verify_tflite(model, TOKENIZER, path, PIECES)
    assert set(drifts) == {"held_out"}
    assert drifts["held_out"].mean_kl > 1e-9
    monkeypatch.setitem(verify.LIMITS, quantization, verify.Limit(1e-12, 0.2))
    with pytest.raises(verify.VerificationError, match="drifts on random music"):
        verify.verify_tflite(model, TOKENIZER, path)


def test_int8_needs_music(model, tmp_path):
    with pytest.raises(UserError, match="int8 needs music to calibrate with"):
        tflite.convert(model, TOKENIZER, tmp_path / "model.tflite", "int8")


def test_a_file_or_a_saved_model_of_other_weights_fails(model, path, tmp_path):
    saved_model.save_model(model, tmp_path / "saved", TOKENIZER)
    drifts = verify.verify_saved_model(model, TOKENIZER, tmp_path / "saved", PIECES)
    assert set(drifts) == {"random", "held_out"}
    other = make(("fourier", "full"))
    other.set_weights(model.get_weights())
    other.logits_dense.bias.assign(other.logits_dense.bias + 2e-4 * np.eye(50)[7])
    with pytest.raises(verify.VerificationError, match="saved is not the model"):
        verify.verify_saved_model(other, TOKENIZER, tmp_path / "saved")
    with pytest.raises(verify.VerificationError, match="tflite is not the model"):
        verify.verify_tflite(other, TOKENIZER, path)


def test_masked_windows_show_all_of_a_piece_and_hide_what_is_asked_for(model):
    piece = PIECES[2]
    windows = masked_windows(model, TOKENIZER, [piece, piece[:0], PIECES[1][:11]])
    assert len(windows) == 10 + 1  # of 16 cells
    counts = [window.is_masked.sum() for window in windows]
    assert min(counts) >= 1 and len(set(counts)) > 4
    for number, window in enumerate(windows):
        start = min(16 * number, 148 - 16)
        ids = piece[start : start + 16] if number < 10 else PIECES[1][:8]
        tokens = window.inputs["tokens"][0]
        np.testing.assert_array_equal(window.ids, ids[window.is_masked[: len(ids)]])
        known = np.where(window.is_masked[: len(ids)], 0, ids)
        np.testing.assert_array_equal(tokens, np.pad(known, (0, 16 - len(ids))))
        beats = window.inputs["beat"][0]
        expected = 1 + (start if number < 10 else 0) // 4 % 16
        assert beats[0] == expected and (beats[len(ids) :] == 0).all()
    again = masked_windows(model, TOKENIZER, [piece])
    for window, same in zip(windows, again, strict=False):
        np.testing.assert_array_equal(window.is_masked, same.is_masked)


def test_an_infiller_is_compared_on_whole_pieces_and_a_decoder_on_beginnings(
    monkeypatch,
):
    pieces = make_pieces(20, 12, 148)
    monkeypatch.setattr(held_out, "load_pieces", lambda *arguments: pieces)
    for kind, lengths in (("infiller", [12, 20, 148]), ("decoder", [12, 15, 15])):
        of_kind = make_model(INFILLER if kind == "infiller" else MODEL)
        run = Run(of_kind, TOKENIZER, of_kind.config, TRAIN, {})
        music = held_out.load_music(run, "nowhere")
        for found in (music.held_out, music.calibration):
            assert sorted(map(len, found)) == lengths


def test_random_pieces_are_longer_and_shorter_than_a_window(model):
    longer, shorter = random_pieces(model, TOKENIZER)
    assert len(longer) > 3 * model.max_length and len(shorter) < model.max_length
    assert min(longer) == 3 and max(longer) == 49


@pytest.mark.parametrize("method", ["gibbs", "ancestral"])
@pytest.mark.parametrize("num_cells", [8, 16, 20, 24, 44, 148])
def test_a_seed_fills_gaps_as_the_model_in_memory_does(model, path, method, num_cells):
    ids = make_pieces(num_cells).piece(0)
    melody = np.arange(num_cells) % 4 != 0
    settings = {"temperature": 0.9, "top_k": 30, "top_p": 0.95, "min_p": 0.001}
    expected = Infiller(model, TOKENIZER, jit_compile=False).fill(
        ids, melody, Sampler(**settings), 3, 1, method, num_steps=5
    )
    filled = runtime.load_infiller(path).fill(
        ids, melody, 3, 1, method, num_steps=5, **settings
    )
    assert filled.dtype == np.int32
    np.testing.assert_array_equal(filled, expected)


def test_masking_probabilities_are_those_of_the_model_in_memory():
    from tfmusic.sampling.infiller import masking_probability

    for num_steps in (1, 7, 128):
        for step in range(num_steps):
            ours = runtime.masking_probability(step, num_steps)
            assert ours == masking_probability(step, num_steps)


def test_a_new_piece_has_all_its_bars_and_steps_are_told(path):
    told = []
    model = runtime.load_infiller(path.read_bytes(), num_threads=1)
    ids = model.compose(
        2, seed=1, num_steps=3, progress=lambda *step: told.append(step)
    )
    assert ids.shape == (128,) and (ids >= 3).all()
    assert told == [(1, 3), (2, 3), (3, 3)]
    notes, num_invalid = model.decode(ids)
    assert num_invalid == 0 and max(note.end for note in notes) <= 32 * 0.125


def test_nothing_unknown_is_the_music_itself_and_wrong_input_is_told(path):
    model, ids = runtime.load_infiller(path), PIECES[0]
    nothing = np.zeros(20, bool)
    for method in runtime.METHODS:
        np.testing.assert_array_equal(model.fill(ids, nothing, method=method), ids)
    for arguments, options, reason in (
        ((ids, nothing), {"method": "magic"}, "method 'magic': expected one of"),
        ((ids, nothing), {"num_steps": 0}, "num_steps must be 1 or more, not 0"),
        ((ids, nothing), {"top_p": 0.0}, "top_p must be in"),
        ((ids[:6], nothing[:6]), {}, "6 cells are not whole steps of 4"),
        ((ids + 40, nothing), {}, "the piece has the id .*: ids are 3 to 49"),
    ):
        with pytest.raises(ValueError, match=reason):
            model.fill(*arguments, **options)


def test_each_kind_has_a_loader_of_its_own(path, small_exported):
    with pytest.raises(ValueError, match="a model of the kind 'infiller', not decoder"):
        runtime.load(path)
    with pytest.raises(ValueError, match="a model of the kind 'decoder', not infiller"):
        runtime.load_infiller(small_exported)


def test_the_command_line_composes_bars(path, small_exported, tmp_path, capsys):
    output = tmp_path / "chorale.mid"
    arguments = [str(path), f"--output={output}", "--bars=2", "--steps=3", "--seed=1"]
    assert runtime.main(arguments) == 0
    notes, _ = runtime.load_infiller(path).decode(
        runtime.load_infiller(path).compose(2, seed=1, num_steps=3)
    )
    printed = capsys.readouterr()
    assert f"chorale.mid: {len(notes)} notes from 128 cells; loaded" in printed.out
    runtime.write_midi(notes, tmp_path / "same.mid")
    assert output.read_bytes() == (tmp_path / "same.mid").read_bytes()
    for file, option, reason in (
        (path, "--tokens=9", "--tokens is not for a model that fills gaps"),
        (path, "--stream", "--stream is not for a model that fills gaps"),
        (small_exported, "--bars=2", "--bars is not for a model that goes on from"),
        (path, "--bars=0", "must be above 0"),
    ):
        arguments = [str(file), f"--output={tmp_path / 'none.mid'}", option]
        try:
            code = runtime.main(arguments)
        except SystemExit as exit_:
            code = exit_.code
        errors = capsys.readouterr().err
        assert code == 2 and reason in errors and errors.count("\n") == 1, errors
    assert not (tmp_path / "none.mid").exists()
