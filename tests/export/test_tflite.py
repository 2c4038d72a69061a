import json
import zipfile

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfmusic.config import ModelConfig, from_dict
from tfmusic.errors import UserError
from tfmusic.export import tflite, verify
from tfmusic.tokenizers import ChoraleTokenizer

PLAIN = """
    ADD BATCH_MATMUL CONCATENATION COS CUMSUM DEQUANTIZE EXPAND_DIMS FULLY_CONNECTED
    GATHER GELU GREATER GREATER_EQUAL LESS LESS_EQUAL MAXIMUM MEAN MINIMUM MUL NEG PACK
    PAD PADV2 RANGE RELU RESHAPE RSQRT SELECT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPLIT
    SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM TILE TRANSPOSE UNPACK CAST
""".split()


def read_model(path):
    with open(path, "rb") as file:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read()))


@pytest.fixture(scope="module")
def int8(model, convert):
    return convert(model, "dynamic_int8")


def test_every_operator_is_builtin_and_keeps_no_state(exported, int8):
    for path in (exported, int8):
        assert verify.operators(path) <= set(PLAIN)
    assert len(read_model(exported).subgraphs) == 2


def test_decode_is_the_main_subgraph_and_the_cache_an_input_only(model, exported):
    interpreter = Interpreter(str(exported))
    names = {
        "decode": {"tokens", "position", *model.feature_names},
        "prefill": {"tokens", "position", *model.feature_names},
    }
    cache = [f"{layer}_{index}" for layer in range(2) for index in range(2)]
    for signature, count in (("decode", 1), ("prefill", 64)):
        runner = interpreter.get_signature_runner(signature)
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        assert set(inputs) == names[signature] | {f"cache_{name}" for name in cache}
        assert set(outputs) == {"logits"} | {f"update_{name}" for name in cache}
        assert inputs["tokens"]["shape"].tolist() == [1, count]
        assert inputs["cache_0_0"]["shape_signature"].tolist() == [1, 2, -1, 16]
        del runner
    main = {details["name"] for details in interpreter.get_input_details()}
    assert all(name.startswith("decode_") for name in main)


def test_the_signatures_share_their_weights(model, exported):
    buffers = read_model(exported).buffers
    sizes = [len(buffer.data) for buffer in buffers if buffer.data is not None]
    # A table of learned positions has one row for each, not one for each signature.
    assert sum(sizes) < 1.1 * 4 * model.count_params() + 10_000


def test_the_whole_graph_equals_the_model_at_every_position(model, tokenizer, exported):
    drifts = verify.verify_tflite(model, tokenizer, exported)
    assert all(drift.max_difference < 1e-4 for drift in drifts.values())


def test_int8_weights_are_small_and_near(model, tokenizer, exported, int8):
    kinds = [
        tensor.type for graph in read_model(int8).subgraphs for tensor in graph.tensors
    ]
    assert schema.TensorType.INT8 in kinds
    assert int8.stat().st_size < exported.stat().st_size
    verify.verify_tflite(model, tokenizer, int8)


def test_the_file_holds_what_music_needs(model, tokenizer, exported):
    with zipfile.ZipFile(exported) as archive:
        about = json.loads(archive.read("tfmusic.json"))
        assert archive.read("tokenizer.json").decode() == tokenizer.to_json()
        config = json.loads(archive.read("config.json"))
    assert from_dict(ModelConfig, config) == model.config
    assert about["tokenizer_hash"] == tokenizer.hash
    assert about["quantization"] == "none"
    assert about["features"] == list(model.feature_names)


def test_bfloat16_training_gives_a_float32_graph(make, tokenizer, convert):
    model = make(dtype="mixed_bfloat16", num_layers=1, max_length=16)
    verify.verify_tflite(model, tokenizer, convert(model))


def test_wrong_input_is_one_line_and_writes_nothing(small, tokenizer, tmp_path):
    path = tmp_path / "model.tflite"
    for other in (ChoraleTokenizer(min_pitch=30), ChoraleTokenizer(max_pitch=80)):
        with pytest.raises(UserError, match="trained with"):
            tflite.convert(small, other, path)
    with pytest.raises(UserError, match="dynamic_int8"):
        tflite.convert(small, tokenizer, path, quantization="int3")
    assert not list(tmp_path.iterdir())


def test_a_graph_of_another_length_of_chunk(make, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, "CHUNK", 5)
    model = make(max_length=12, num_layers=1)
    tflite.convert(model, tokenizer, tmp_path / "model.tflite", "none")
    verify.verify_tflite(model, tokenizer, tmp_path / "model.tflite")
