import numpy as np
import pytest

from tfmusic.export import saved_model, verify


def test_the_drift_of_equal_logits_is_nothing():
    logits = np.random.default_rng(0).normal(size=(5, 7))
    drift = verify.measure_drift(logits, logits + 3.0)  # the same distribution
    assert drift.max_difference == pytest.approx(3.0)
    assert drift.mean_kl == pytest.approx(0.0, abs=1e-12)
    assert drift.top1_agreement == 1.0


def test_the_drift_of_a_coin():
    # At one of two positions the exported coin is fair, the model's is 3 to 1.
    expected = np.log([[0.75, 0.25], [0.5, 0.5]])
    actual = np.log([[0.5, 0.5], [0.5, 0.5]])
    drift = verify.measure_drift(expected, actual)
    kl = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert drift.mean_kl == pytest.approx(kl / 2)
    assert drift.max_difference == pytest.approx(np.log(2))


def test_another_argmax_is_a_disagreement():
    expected = np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    drift = verify.measure_drift(expected, expected[:, ::-1].copy() * [[1]])
    assert drift.top1_agreement == 0.0
    expected[0] = [0.0, 0.0]
    drift = verify.measure_drift(expected, np.array([[2.0, 1.0]] * 4))
    assert drift.top1_agreement == 1.0


def test_a_float32_file_of_other_weights_fails(small, make, tokenizer, small_exported):
    verify.verify_tflite(small, tokenizer, small_exported)
    other = make(max_length=16, max_distance=10)
    bias = other.logits_dense.bias
    bias.assign(bias + 2e-4 * np.eye(50)[7])
    with pytest.raises(verify.VerificationError, match="model.tflite is not the model"):
        verify.verify_tflite(other, tokenizer, small_exported)


def test_a_saved_model_of_other_weights_fails(small, make, tokenizer, tmp_path):
    saved_model.save_model(small, tmp_path / "saved", tokenizer)
    drifts = verify.verify_saved_model(small, tokenizer, tmp_path / "saved")
    assert set(drifts) == {"random", "generated"}
    with pytest.raises(verify.VerificationError, match="saved is not the model"):
        other = make(max_length=16, max_distance=9)
        verify.verify_saved_model(other, tokenizer, tmp_path / "saved")


def test_quantization_has_a_limit(small, tokenizer, convert, monkeypatch):
    path = convert(small, "dynamic_int8")
    drifts = verify.verify_tflite(small, tokenizer, path)
    assert drifts["generated"].mean_kl > 1e-9
    monkeypatch.setattr(verify, "MAX_MEAN_KL", 1e-9)
    with pytest.raises(verify.VerificationError, match="limit is a mean KL of 1e-09"):
        verify.verify_tflite(small, tokenizer, path)


def test_not_a_number_is_no_agreement(small, make, tokenizer, small_exported):
    other = make(max_length=16, max_distance=10)
    other.logits_dense.bias.assign(np.full(50, np.nan, np.float32))
    with pytest.raises(verify.VerificationError):
        verify.verify_tflite(other, tokenizer, small_exported)


def test_operators_that_need_more_than_an_interpreter_are_refused(
    small, tokenizer, small_exported, monkeypatch
):
    assert verify.is_builtin("BATCH_MATMUL")
    for name in ("CUSTOM FlexFFT2D", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"):
        assert not verify.is_builtin(name)
    monkeypatch.setattr(verify, "is_builtin", lambda name: name != "SOFTMAX")
    with pytest.raises(verify.VerificationError, match="SOFTMAX"):
        verify.verify_tflite(small, tokenizer, small_exported)
