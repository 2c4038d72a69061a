import http.client
import json
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.export.rest import Servable
from tfmusic.tokenizers import BOS, EOS

ROOT = Path(__file__).parents[2]
MAX_TOKENS, MAX_BYTES = 200, 5000
# The command, which names at its end what it should not have imported.
SERVE = """
import runpy, signal, sys
# What a shell starts in the background ignores it, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    runpy.run_module("tfmusic.export.serve", run_name="__main__", alter_sys=True)
finally:
    for name in {"note_seq", "tfmusic.models", "tfmusic.tokenizers"} & set(sys.modules):
        print(name, file=sys.stderr)
"""
GENERATE = {
    "prime": [[20, 21]],
    "length": 12,
    "temperature": 1,
    "top_k": 0,
    "top_p": 0.9,
    "seed": 3,
}


@pytest.fixture(scope="module")
def path(small, tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    small.save(path, tokenizer=tokenizer)
    return path


@pytest.fixture(scope="module")
def loaded(path):
    return tf.saved_model.load(str(path))


@pytest.fixture(scope="module")
def server(path):
    """The port of a server process, which in the end is interrupted."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", SERVE, f"--saved_model={path}", "--port=0"),
            *("--name=small", f"--max_tokens={MAX_TOKENS}", f"--max_bytes={MAX_BYTES}"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert select.select([process.stdout], [], [], 120)[0]
        line = process.stdout.readline()
        assert line.startswith("serving at http://127.0.0.1:"), process.stderr.read()
        assert line.endswith("/v1/models/small\n")
        yield int(line.split(":")[2].split("/")[0])
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def ask(server):
    """ask(method, path, body): the status and the JSON of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=60)

    def ask(method, path, body=None):
        body = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, path, body)
        response = connection.getresponse()
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.read())

    yield ask
    connection.close()


@pytest.fixture
def predict(ask):
    """predict(**request): the answer to a right request."""

    def predict(**request):
        status, answer = ask("POST", "/v1/models/small:predict", request)
        assert status == 200, answer
        return answer

    return predict


@pytest.fixture
def refuse(ask):
    """refuse(body): why a request is refused."""

    def refuse(body, path="/v1/models/small:predict", expected=400):
        status, answer = ask("POST", path, body)
        assert status == expected and list(answer) == ["error"], answer
        assert "\n" not in answer["error"]
        return answer["error"]

    return refuse


def test_answers_are_those_of_the_loaded_model(predict, loaded):
    tokens = [[BOS, 20, 21], [BOS, 30, 31]]
    logits = loaded.signatures["serving_default"](tokens=tf.constant(tokens))["logits"]
    answer = predict(inputs={"tokens": tokens})
    assert list(answer) == ["outputs"]
    np.testing.assert_allclose(answer["outputs"], logits, atol=1e-5)

    ids = [[20, 21, EOS], [30, 0, 0]]
    nats = loaded.signatures["score"](ids=tf.constant(ids))["nats"]
    answer = predict(signature_name="score", inputs={"ids": ids})
    np.testing.assert_allclose(answer["outputs"], nats, atol=1e-5)

    inputs = {name: tf.constant(value) for name, value in GENERATE.items()}
    inputs["temperature"] = tf.constant(1.0)
    expected = loaded.signatures["generate"](**inputs)["ids"]
    answer = predict(signature_name="generate", inputs=GENERATE)
    assert answer == {"outputs": expected.numpy().tolist()}


def test_rows_and_a_single_input_need_no_name(predict):
    ids = [[20, 21, 22], [30, 31, 32]]
    nats = predict(signature_name="score", inputs={"ids": ids})["outputs"]
    for request in (
        {"instances": ids},
        {"instances": [{"ids": row} for row in ids]},
    ):
        assert predict(signature_name="score", **request) == {"predictions": nats}
    assert predict(signature_name="score", inputs=ids) == {"outputs": nats}


def test_status_and_metadata(ask):
    status, answer = ask("GET", "/v1/models/small")
    assert status == 200
    (version,) = answer["model_version_status"]
    assert (version["version"], version["state"]) == ("1", "AVAILABLE")
    assert ask("GET", "/v1/models/small/versions/1") == (status, answer)
    status, answer = ask("GET", "/v1/models/small/metadata")
    assert status == 200 and answer["model_spec"]["name"] == "small"
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {"serving_default", "score", "generate"}
    ids = signatures["score"]["inputs"]["ids"]
    assert ids["dtype"] == "DT_INT32"
    assert [dim["size"] for dim in ids["tensor_shape"]["dim"]] == ["-1", "-1"]
    assert ids["tensor_shape"]["unknown_rank"] is False


def test_what_is_not_there_is_404(ask, refuse):
    request = {"inputs": {"tokens": [[BOS]]}}
    path = "/v1/models/small"
    assert "no model big" in refuse(request, "/v1/models/big:predict", 404)
    assert "version 2" in refuse(request, f"{path}/versions/2:predict", 404)
    assert "nothing at /" in refuse(request, "/", 404)
    assert "nothing at" in refuse(request, f"{path}:classify", 404)
    assert "POST knows" in refuse(request, path, 404)
    assert ask("GET", f"{path}:predict")[0] == 404
    assert ask("POST", f"{path}/versions/1:predict", request)[0] == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 4000, "not JSON"),
        ("[1]", "JSON object"),
        ({}, 'either "inputs" or "instances"'),
        ({"inputs": {}, "instances": []}, 'either "inputs" or "instances"'),
        ({"signature_name": "train", "inputs": {}}, "no signature 'train': there are"),
        ({"signature_name": ["score"], "inputs": {}}, "no signature"),
        ({"inputs": {}}, "input 'tokens' is missing; serving_default takes"),
        ({"inputs": {"tokens": [[2]], "x": 1}}, "input 'x' is unknown"),
        ({"inputs": {"tokens": [[2.5]]}}, "'tokens' must hold whole numbers"),
        ({"inputs": {"tokens": [["2"]]}}, "'tokens' must hold whole numbers"),
        ({"inputs": {"tokens": [[True]]}}, "'tokens' must hold whole numbers"),
        ({"inputs": {"tokens": [[None]]}}, "'tokens' must hold whole numbers"),
        ({"inputs": {"tokens": [[2**40]]}}, "a number that int32 has not"),
        ({"inputs": {"tokens": [[2], [2, 3]]}}, "rows of unequal length"),
        ({"inputs": {"tokens": [2, 3]}}, r"of shape ['any', 'any'], not [2]"),
        ({"inputs": {"tokens": [[2, 1000]]}}, "1000"),  # whoever sees it first
        ({"inputs": {"tokens": [[2] * 201]}}, "201 tokens in 1 rows"),
        ({"inputs": {"tokens": [[2] * 5000]}}, "5000 bytes at most"),
        ({"instances": []}, '"instances" must be a list'),
        ({"instances": [{"ids": [2]}]}, "must name ['tokens']"),
        ({"signature_name": "generate", "inputs": [[2]]}, "must name"),
    ],
)
def test_a_wrong_request_is_told_why(refuse, body, reason):
    assert reason in refuse(body)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"length": -1}, "length must be 0 or more, not -1"),
        ({"length": 199}, "2 tokens in 1 rows and 199 more for each"),
        ({"length": 2**31 - 1}, "this server takes 200 in all"),
        ({"prime": [[]] * 20, "length": 11}, "in 20 rows and 11 more for each"),
        ({"length": [4]}, r"'length' must be of shape [], not [1]"),
        ({"temperature": "hot"}, "'temperature' must hold numbers"),
        ({"temperature": float("nan")}, "a number that float32 has not"),
        ({"temperature": 1e300}, "a number that float32 has not"),
    ],
)
def test_generate_refuses_before_it_works(refuse, changes, reason):
    inputs = {**GENERATE, **changes}
    assert reason in refuse({"signature_name": "generate", "inputs": inputs})


def test_a_refused_request_leaves_the_connection_usable(refuse, predict):
    refuse("x" * (MAX_BYTES + 1))
    refuse("{")
    assert predict(signature_name="score", inputs=[[20]])["outputs"]


def test_a_request_without_a_body_is_refused(server):
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=60)
    connection.putrequest("POST", "/v1/models/small:predict")
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 400
    assert "Content-Length" in json.loads(response.read())["error"]
    connection.close()


def test_only_a_saved_model_is_served(tmp_path):
    with pytest.raises(UserError, match="is no SavedModel"):
        Servable(tmp_path, 10)
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(UserError, match="can't be loaded"):
        Servable(tmp_path, 10)


def test_a_taken_port_is_one_line(server, path):
    command = [sys.executable, "-m", "tfmusic.export.serve", f"--saved_model={path}"]
    result = subprocess.run(
        [*command, f"--port={server}"], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 2
    assert f"port {server}" in result.stderr and "another" in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
