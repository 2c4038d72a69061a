"""Every quantization of a model: what it holds, and that it makes music."""

import dataclasses
import importlib.util
import sys

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.export import (
    operators,
    quantization,
    runtime,
    tflite,
    verify,
)
from tfmusic.models import MusicDecoder

HAS_QUANTIZER = importlib.util.find_spec("ai_edge_quantizer") is not None
NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "mixed_int4" and not HAS_QUANTIZER,
            reason="the extra `quantize` is not installed",
        ),
    )
    for name in quantization.QUANTIZATIONS
]


@pytest.fixture(scope="module")
def music():
    return list(np.random.default_rng(1).integers(3, 50, (3, 200)))


@pytest.fixture(scope="module")
def wide(tokenizer):
    """Wide enough for blocks of 32 weights, and for matrices to be most of it."""
    keras.utils.set_random_seed(0)
    config = ModelConfig(
        vocabulary_size=tokenizer.vocabulary.size,
        num_layers=2,
        num_heads=2,
        hidden_dim=64,
        intermediate_dim=128,
        max_length=96,
        features={"voice": 5, "beat": 17},
    )
    return MusicDecoder(**dataclasses.asdict(config))


@pytest.fixture(scope="module")
def files(wide, tokenizer, music, tmp_path_factory):
    """files(quantization): the path of the wide model's file."""
    made = {}

    def files(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name) / "model.tflite"
            tflite.convert(wide, tokenizer, made[name], name, music)
        return made[name]

    return files


def types(path):
    model = operators.read_graphs(path.read_bytes())
    names = {code: name for name, code in vars(schema.TensorType).items()}
    return [
        {
            names[graph.tensors[index].type]
            for operator in graph.operators
            for index in [*operator.inputs, *operator.outputs]
        }
        for graph in model.subgraphs
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_near_the_model_and_makes_music(name, wide, tokenizer, music, files):
    path = files(name)
    assert runtime.load(path).about["quantization"] == name
    drifts = verify.verify_tflite(wide, tokenizer, path, music)
    assert drifts["held_out"].top1_agreement > 0.7
    (ids,) = runtime.load(path).generate([[20, 21]], 120, seed=1)
    assert ids[:2].tolist() == [20, 21] and len(ids) > 10


def test_each_is_smaller_than_the_one_before(files):
    names = ["none", "float16", "dynamic_int8"] + ["mixed_int4"] * HAS_QUANTIZER
    sizes = [files(name).stat().st_size for name in names]
    assert sizes == sorted(sizes, reverse=True)


def test_the_types_are_those_of_the_names(files):
    assert all("FLOAT16" in found for found in types(files("float16")))
    for found in types(files("int8")):
        assert found == {"INT8", "INT32", "BOOL"}
    if HAS_QUANTIZER:
        assert all({"INT4", "INT8"} <= found for found in types(files("mixed_int4")))


def test_the_cache_of_an_integer_graph_is_of_integers(files, wide, tokenizer, music):
    model = runtime.load(files("int8"))
    graph = model.graph
    tokens, states = [2, *music[0][:80].tolist()], [0]
    for token in tokens[1:]:
        states.append(model.grammar.next_state[states[-1], token])
    inputs = model.grammar.inputs(states[:64], tokens[:64])
    by_chunk = graph.extend(inputs)
    cache = {name: tensor().copy() for name, tensor in graph._cache.items()}
    graph.reset()
    by_step = np.concatenate(
        [
            graph.extend(model.grammar.inputs(states[i : i + 1], tokens[i : i + 1]))
            for i in range(64)
        ]
    )
    for rows in cache.values():
        assert rows.dtype == np.int8
        assert len(np.unique(rows[..., :64, :])) > 20  # in use, not all at the ends
    # Two signatures, calibrated one by one, on the same cache.
    assert np.corrcoef(by_chunk.ravel(), by_step.ravel())[0, 1] > 0.98


def test_int8_cannot_be_had_without_music(wide, tokenizer, tmp_path):
    with pytest.raises(UserError, match="int8 needs music"):
        tflite.convert(wide, tokenizer, tmp_path / "model.tflite", "int8")
    assert not list(tmp_path.iterdir())


def test_what_has_no_integer_form_is_named(make, tokenizer, music, tmp_path):
    model = make(num_layers=1, positions="sinusoidal", mixer="causal", max_length=16)
    with pytest.raises(UserError, match="int8: this model's .*(SIN|COS)"):
        tflite.convert(model, tokenizer, tmp_path / "model.tflite", "int8", music)
    assert not list(tmp_path.iterdir())


def test_pieces_that_are_shorter_than_a_chunk_calibrate_too(make, tokenizer, tmp_path):
    model = make(num_layers=1, max_length=96)
    path = tmp_path / "model.tflite"
    tflite.convert(model, tokenizer, path, "int8", [np.arange(5, 25), np.arange(0)])
    assert runtime.load(path).generate([[]], 20)


def test_without_the_extra_the_line_says_what_to_install(
    small, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    with pytest.raises(UserError, match=r"tfmusic\[quantize\]"):
        tflite.convert(small, tokenizer, tmp_path / "model.tflite", "mixed_int4")
    assert not list(tmp_path.iterdir())


def test_a_negation_becomes_a_product(files):
    content = files("int8").read_bytes()
    model = operators.read_graphs(content)
    for graph in model.subgraphs:
        names = {operators.operator_name(model, op) for op in graph.operators}
        assert "MUL" in names and not names & {"NEG", "QUANTIZE", "DEQUANTIZE"}
