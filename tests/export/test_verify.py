import numpy as np
import pytest

from tfmusic.export import runtime, saved_model, verify
from tfmusic.tokenizers import BOS

MUSIC = tuple(np.random.default_rng(1).integers(3, 50, (2, 15)))


def drift(expected, actual, targets=()):
    ids = np.array(targets, int)
    return verify.measure_drift([np.array(expected)], [np.array(actual)], [ids])


def test_the_drift_of_equal_probabilities_is_nothing():
    logits = np.random.default_rng(0).normal(size=(5, 7))
    same = drift(logits, logits + 3.0, [1, 2, 3])
    assert same.max_difference == pytest.approx(0.0, abs=1e-12)
    assert same.mean_kl == pytest.approx(0.0, abs=1e-12)
    assert same.nats_change == pytest.approx(0.0, abs=1e-12)
    assert same.top1_agreement == 1.0


def test_the_drift_of_a_coin():
    # At one of two positions the exported coin is fair, the model's is 3 to 1.
    coins = drift(
        np.log([[0.75, 0.25], [0.5, 0.5]]), np.log([[0.5, 0.5], [0.5, 0.5]]), [0, 1]
    )
    kl = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert coins.mean_kl == pytest.approx(kl / 2)
    assert coins.max_difference == pytest.approx(np.log(2))
    # Heads came, which the fair coin holds for less likely.
    assert coins.nats_change == pytest.approx(np.log(0.75 / 0.5) / 2)
    # Of changes 0.4 and 0: a deviation of 0.2, by the root of 2 tokens.
    assert coins.nats_error == pytest.approx(np.log(0.75 / 0.5) / 2 / 2**0.5)


def test_sequences_count_by_their_tokens():
    even, odd = np.log([[0.5, 0.5]] * 3), np.log([[0.8, 0.2]])
    both = verify.measure_drift(
        [even, odd], [even, np.log([[0.2, 0.8]])], [np.array([0, 1, 1]), np.array([0])]
    )
    assert both.top1_agreement == 0.75
    assert both.mean_kl == pytest.approx(0.6 * np.log(4) / 4)
    assert both.nats_change == pytest.approx(np.log(4) / 4)


def test_another_argmax_is_a_disagreement():
    expected = [[1.0, 2.0], [2.0, 1.0], [2.0, 1.0], [2.0, 1.0]]
    assert drift(expected, np.flip(expected, 1).copy()).top1_agreement == 0.0
    assert drift([[0.0, 0.0], *expected[1:]], [[2.0, 1.0]] * 4).top1_agreement == 1.0


def test_a_float32_file_of_other_weights_fails(small, make, tokenizer, small_exported):
    verify.verify_tflite(small, tokenizer, small_exported)
    other = make(max_length=16, max_distance=10)
    bias = other.logits_dense.bias
    bias.assign(bias + 1e-4 * np.eye(50)[7])
    with pytest.raises(verify.VerificationError, match="model.tflite is not the model"):
        verify.verify_tflite(other, tokenizer, small_exported)


def test_a_saved_model_of_other_weights_fails(small, make, tokenizer, tmp_path):
    saved_model.save_model(small, tmp_path / "saved", tokenizer)
    drifts = verify.verify_saved_model(small, tokenizer, tmp_path / "saved", MUSIC)
    assert set(drifts) == {"random", "generated", "held_out"}
    with pytest.raises(verify.VerificationError, match="saved is not the model"):
        other = make(max_length=16, max_distance=9)
        verify.verify_saved_model(other, tokenizer, tmp_path / "saved")


@pytest.mark.parametrize(
    "limit, held_out, reason",
    [
        (
            verify.Limit(1e-9, 1.0),
            MUSIC,
            "on held_out .* dynamic_int8 is a mean KL of 1e-09 nats",
        ),
        (
            verify.Limit(1.0, -1.0),
            MUSIC,
            "on held_out .* dynamic_int8 is -1.0 nats per token",
        ),
        (
            verify.Limit(1e-9, -1.0),
            (),
            "on generated .* is a mean KL of 1e-09 nats. Ex",
        ),
    ],
)
def test_quantization_has_limits(
    small, tokenizer, convert, monkeypatch, limit, held_out, reason
):
    path = convert(small, "dynamic_int8")
    drifts = verify.verify_tflite(small, tokenizer, path, held_out)
    assert set(drifts) == {"generated"} | ({"held_out"} if held_out else set())
    assert all(drift.mean_kl > 1e-9 for drift in drifts.values())
    monkeypatch.setitem(verify.LIMITS, "dynamic_int8", limit)
    with pytest.raises(verify.VerificationError, match=reason):
        verify.verify_tflite(small, tokenizer, path, held_out)


def test_held_out_nats_are_those_of_the_two(small, tokenizer, convert):
    path = convert(small, "dynamic_int8")
    drifts = verify.verify_tflite(small, tokenizer, path, MUSIC)
    exported, change = runtime.load(path), 0.0
    for ids in MUSIC:
        expected = verify._model_logits(small, tokenizer, ids)
        exported.graph.reset()
        states = exported.grammar
        tokens, state = [BOS, *ids.tolist()], 0
        for index, target in enumerate(ids):
            logits = exported.graph.extend(states.inputs([state], [tokens[index]]))
            nats = [
                np.log(np.exp(x - x.max()).sum()) - (x - x.max())[target]
                for x in (expected[index], logits[0])
            ]
            change += nats[1] - nats[0]
            state = states.next_state[state, target]
    tokens = sum(map(len, MUSIC))
    assert drifts["held_out"].nats_change == pytest.approx(change / tokens, abs=1e-6)


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
