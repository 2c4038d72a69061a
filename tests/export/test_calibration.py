import numpy as np
import pytest
import tensorflow as tf

from tests.memory_mixers import MEMORY_MIXERS
from tfmusic.export.calibration import calibration_samples
from tfmusic.export.decode_signatures import cache_kinds, extend_function
from tfmusic.models import mixers
from tfmusic.tokenizers import BOS

CHUNK, LENGTH = 4, 24


@pytest.fixture(scope="module", params=["relative_global", "running_mean"])
def model(request, make):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixers, "MIXERS", {**mixers.MIXERS, **MEMORY_MIXERS})
        return make(mixer=request.param, max_length=LENGTH, max_distance=10)


def sample(model, tokenizer, music, chunk=CHUNK):
    functions = {"decode": extend_function(model, 1)}
    if chunk > 1:
        functions["prefill"] = extend_function(model, chunk)
    samples = []
    for name, inputs in calibration_samples(model, tokenizer, functions, music):
        samples.append((name, {key: np.copy(x) for key, x in inputs.items()}))
    return functions, samples


def test_what_is_read_is_the_piece_with_its_cache(model, tokenizer):
    ids = np.arange(10, 10 + LENGTH)
    functions, samples = sample(model, tokenizer, [ids])
    tokens = np.array([BOS, *ids[: LENGTH - 1]], np.int32)
    states = tokenizer.grammar.states(tokens[1:])
    features = tokenizer.grammar.features(states, tokens)
    whole = {name: features[name][None] for name in model.feature_names}
    whole = model({"tokens": tokens[None], **whole}).numpy()[0]  # [T, V]
    assert {name for name, _ in samples} == {"decode", "prefill"}
    for name, inputs in samples:
        position, count = int(inputs["position"]), inputs["tokens"].shape[1]
        assert count == {"decode": 1, "prefill": CHUNK}[name]
        rows = slice(position, position + count)
        assert inputs["tokens"][0].tolist() == tokens[rows].tolist()
        tensors = {key: tf.constant(x) for key, x in inputs.items()}
        logits = functions[name](**tensors)["logits"][0]
        np.testing.assert_allclose(logits, whole[rows], atol=1e-4)


def test_positions_are_not_those_of_chunks_alone(model, tokenizer):
    music = [np.arange(10, 10 + LENGTH)] * 8
    _, samples = sample(model, tokenizer, music)
    positions = {int(inputs["position"]) for _, inputs in samples}
    assert len({position % CHUNK for position in positions}) > 2
    assert max(positions) > LENGTH - 2 * CHUNK
    for cache in cache_kinds(model):  # in use, in most of the samples
        used = [np.any(inputs[f"cache_{cache}"]) for _, inputs in samples]
        assert np.mean(used) > 0.7


def test_without_prefill_there_is_decode_alone(model, tokenizer):
    _, samples = sample(model, tokenizer, [np.arange(10, 20)], chunk=1)
    assert {name for name, _ in samples} == {"decode"}
    assert [int(inputs["position"]) for _, inputs in samples] == list(range(11))


def test_short_and_empty_pieces(model, tokenizer):
    _, samples = sample(model, tokenizer, [np.array([12]), np.arange(0)])
    assert [name for name, _ in samples].count("prefill") == 1
