import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.core.protobuf import saved_model_pb2

from tfmusic.errors import UserError
from tfmusic.export import saved_model, verify
from tfmusic.sampling import ModelGenerator, Sampler
from tfmusic.tokenizers import BOS, EOS, PAD

PRIMES = [[20, 21, 22, 23, 24], [], [30, 31, 32, 33, 34, 35, 36]]
SIGNATURES = {"serving_default", "score", "generate"}
SETTINGS = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 0}


def pad(primes):
    """int32 [B, P]."""
    padded = np.full((len(primes), max(map(len, primes))), PAD, np.int32)
    for row, prime in zip(padded, primes, strict=True):
        row[: len(prime)] = prime
    return padded


def generate(loaded, primes, length, **settings):
    settings = {**SETTINGS, **settings}
    for name in ("temperature", "top_p"):
        settings[name] = np.float32(settings[name])
    inputs = {"prime": pad(primes), "length": length, **settings}
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    return loaded.signatures["generate"](**tensors)["ids"].numpy()


def model_inputs(model, tokenizer, tokens):
    states = tokenizer.grammar.states(tokens[1:])
    features = tokenizer.grammar.features(states, tokens)
    inputs = {"tokens": tokens, **features}
    return {name: inputs[name] for name in ("tokens", *model.feature_names)}


@pytest.fixture(scope="module")
def path(small, tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    small.save(path, tokenizer=tokenizer)
    return path


@pytest.fixture(scope="module")
def loaded(path):
    return tf.saved_model.load(str(path))


def test_logits_of_any_batch_and_length_equal_the_model(small, tokenizer, loaded):
    logits = loaded.signatures["serving_default"]
    rng = np.random.default_rng(0)
    for batch, time in ((1, 1), (3, 8), (2, 40)):
        tokens = rng.integers(3, 50, (batch, time)).astype(np.int32)
        tokens[:, 0] = BOS
        rows = [model_inputs(small, tokenizer, row) for row in tokens]
        inputs = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        np.testing.assert_allclose(
            logits(tokens=tf.constant(tokens))["logits"],
            small(inputs),
            atol=1e-5,
        )


def test_later_tokens_change_nothing_before(loaded):
    logits = loaded.signatures["serving_default"]
    tokens = np.random.default_rng(0).integers(3, 50, (1, 12)).astype(np.int32)
    changed = tokens.copy()
    changed[:, 7:] = 4
    before, after = (
        logits(tokens=tf.constant(x))["logits"][:, :7].numpy()
        for x in (tokens, changed)
    )
    assert np.array_equal(before, after)


def test_scores_are_the_models_nats_of_every_id_and_none_of_padding(
    small, tokenizer, loaded
):
    pieces = [[20, 21, 22, 23, EOS], [30, 31, 32], [EOS]]
    nats = loaded.signatures["score"](ids=tf.constant(pad(pieces)))["nats"].numpy()
    assert nats.shape == (3, 5)
    for row, piece in zip(nats, pieces, strict=True):
        inputs = model_inputs(small, tokenizer, np.array([BOS, *piece[:-1]], np.int32))
        logits = small({name: value[np.newaxis] for name, value in inputs.items()})
        log_p = logits - np.logaddexp.reduce(logits.numpy(), axis=-1, keepdims=True)
        expected = [-log_p[0, time, id_] for time, id_ in enumerate(piece)]
        np.testing.assert_allclose(row[: len(piece)], expected, rtol=1e-4)
        assert not row[len(piece) :].any()


def test_scores_are_of_probabilities_that_sum_to_one(tokenizer, loaded):
    score = loaded.signatures["score"]
    ids = np.full([tokenizer.vocabulary.size - 1, 3], 20, np.int32)
    ids[:, 2] = np.arange(1, tokenizer.vocabulary.size)  # all but PAD
    nats = score(ids=tf.constant(ids))["nats"].numpy()
    assert np.ptp(nats[:, :2], axis=0).max() < 1e-4
    logits = loaded.signatures["serving_default"](tokens=tf.constant([[BOS, 20, 20]]))
    pad_share = tf.nn.softmax(logits["logits"][0, 2])[PAD]
    np.testing.assert_allclose(np.exp(-nats[:, 2]).sum() + pad_share, 1, atol=1e-4)


@pytest.mark.parametrize("prime", [[], [20, 21, 22]])
def test_xla_compiles_generate_as_it_is(loaded, prime):
    compiled = tf.function(loaded.signatures["generate"], jit_compile=True)
    ids = [
        function(
            prime=tf.constant(pad([prime, [30, 31]])),
            length=tf.constant(24),  # past the cache
            temperature=tf.constant(0.0),
            top_k=tf.constant(0),
            top_p=tf.constant(1.0),
            seed=tf.constant(0),
        )["ids"].numpy()
        for function in (loaded.signatures["generate"], compiled)
    ]
    assert ids[0].shape == (2, max(len(prime), 2) + 24)
    assert np.array_equal(*ids)


def test_nothing_to_generate_is_the_prime(loaded):
    assert np.array_equal(generate(loaded, PRIMES, 0), pad(PRIMES))
    assert generate(loaded, [[]], 0).shape == (1, 0)


def test_every_kind_of_model(model, tokenizer, tmp_path):
    saved_model.save_model(model, tmp_path / "saved", tokenizer)
    verify.verify_saved_model(model, tokenizer, tmp_path / "saved")


def test_greedy_ids_are_the_models_past_the_cache(small, tokenizer, loaded):
    generator = ModelGenerator(small, tokenizer, jit_compile=False)
    expected = generator.generate(PRIMES, 40, Sampler(temperature=0.0))
    ids = generate(loaded, PRIMES, 40, temperature=0.0)
    assert ids.shape == (3, 7 + 40)
    for row, piece in zip(ids, expected, strict=True):
        assert row[: len(piece)].tolist() == piece.tolist()
        assert set(row[len(piece) :].tolist()) <= {EOS, PAD}


def test_a_seed_reproduces_and_another_does_not(loaded):
    first = generate(loaded, PRIMES, 12, seed=5)
    assert np.array_equal(first, generate(loaded, PRIMES, 12, seed=5))
    assert not np.array_equal(first, generate(loaded, PRIMES, 12, seed=6))
    for row, prime in zip(first, PRIMES, strict=True):
        assert row[: len(prime)].tolist() == prime


def test_loading_gives_the_music_of_the_model(small, tokenizer, path):
    saved = saved_model.load(path)
    assert saved.tokenizer_json == tokenizer.to_json()
    sampler = Sampler(0.9, top_k=20, top_p=0.95, min_p=0.01, repetition_penalty=1.2)
    primes = [np.array(prime, np.int32) for prime in PRIMES]
    generator = ModelGenerator(small, tokenizer, jit_compile=False)
    expected = generator.generate(primes, 20, sampler, seed=3)
    pieces = saved.generate(primes, 20, sampler, seed=3)
    assert [x.tolist() for x in pieces] == [x.tolist() for x in expected]


def test_it_runs_without_this_package(path, loaded):
    code = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tfmusic", "note_seq"):
            raise ImportError(name)
sys.meta_path.insert(0, Block())
import tensorflow as tf
loaded = tf.saved_model.load({str(path)!r})
ids = loaded.signatures["generate"](
    prime=tf.constant([[20, 21]]), length=tf.constant(20),
    temperature=tf.constant(1.0), top_k=tf.constant(9), top_p=tf.constant(0.9),
    seed=tf.constant(1))["ids"]
print(ids.numpy().tolist())
assert "tfmusic" not in sys.modules
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd="/"
    )
    assert result.returncode == 0, result.stderr
    expected = generate(loaded, [[20, 21]], 20, top_k=9, top_p=0.9, seed=1)
    assert json.loads(result.stdout) == expected.tolist()


def test_no_operation_needs_xla(path):
    content = (path / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
    operations = {node.op for f in graph.library.function for node in f.node_def}
    assert "MatMul" in operations
    assert not [name for name in operations if name.startswith("Xla")]


def test_after_compile_and_fit_and_without_a_tokenizer(make, tmp_path):
    model = make(num_layers=1, max_length=16)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    inputs = {
        name: rng.integers(0, size, (4, 8)).astype(np.int32)
        for name, size in (("tokens", 50), ("voice", 5), ("beat", 17))
    }
    model.fit(inputs, inputs["tokens"], verbose=0)
    model.save(tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    assert list(loaded.signatures) == ["serving_default"]
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    logits = loaded.signatures["serving_default"](**tensors)["logits"]
    np.testing.assert_allclose(logits, model(inputs), atol=1e-5)
    with pytest.raises(UserError, match="with a tokenizer"):
        saved_model.load(tmp_path / "saved")


def test_it_converts_with_its_weights(make, tmp_path):
    model = make(num_layers=1, features={})
    saved_model.save_model(model, tmp_path / "saved")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    operators = verify.operators(tmp_path / "model.tflite")
    assert all(verify.is_builtin(name) for name in operators)
    tokens = np.random.default_rng(0).integers(3, 50, (1, 9)).astype(np.int32)
    runner = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    np.testing.assert_allclose(
        runner(tokens=tokens)["logits"], model({"tokens": tokens}), atol=1e-4
    )


def test_only_a_saved_model_is_replaced(small, tokenizer, tmp_path):
    path = tmp_path / "saved"
    path.mkdir()
    saved_model.save_model(small, path)  # an empty folder is no loss
    with pytest.raises(UserError, match="exists"):
        small.save(path, overwrite=False)
    small.save(path, tokenizer=tokenizer)
    assert set(tf.saved_model.load(str(path)).signatures) == SIGNATURES
    (tmp_path / "precious.txt").write_text("notes")
    for place in (tmp_path, tmp_path / "precious.txt"):
        with pytest.raises(UserError, match="choose another place"):
            small.save(place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["precious.txt", "saved"]


def test_a_failure_leaves_what_was_there(small, tmp_path, monkeypatch):
    saved_model.save_model(small, tmp_path / "saved")
    before = (tmp_path / "saved" / "saved_model.pb").read_bytes()

    def fail(*args, **kwargs):
        raise RuntimeError("halfway")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(RuntimeError, match="halfway"):
        saved_model.save_model(small, tmp_path / "saved")
    assert (tmp_path / "saved" / "saved_model.pb").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]


def test_what_is_no_saved_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a SavedModel"):
        saved_model.load(tmp_path)
