"""A SavedModel behind TensorFlow Serving's REST format: JSON in, JSON out.

https://www.tensorflow.org/tfx/serving/api_rest; TensorFlow alone is needed.
"""

import json
import os
import threading

import numpy as np

from tfmusic.errors import UserError

_KINDS = {"i": ("iu", "whole numbers"), "f": ("iuf", "numbers")}


class RequestError(Exception):
    """A request that can't be answered; its message is one line.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


class Servable:
    """A loaded SavedModel that answers requests.

    Args:
        path: its folder.
        max_tokens: the size of a request, that of its largest input and of what
            `length` asks for, of all rows together; memory grows with it.

    Raises:
        UserError: it is no SavedModel.
    """

    def __init__(self, path: str | os.PathLike, max_tokens: int):
        import tensorflow as tf

        path = os.fspath(path)
        if not os.path.isfile(os.path.join(path, "saved_model.pb")):
            raise UserError(
                f"{path} is no SavedModel: write one with python -m tfmusic.export"
            )
        try:
            self._loaded = tf.saved_model.load(path)
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"{path} can't be loaded: {_line(error)}") from error
        self.path = path
        self.max_tokens = max_tokens
        # One request at a time: side by side each would only be slower, and memory
        # would have no bound.
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Runs the requests that the SavedModel brings, so that the first is quick."""
        from tfmusic.export import warmup

        folder = os.path.join(self.path, "assets.extra")
        for signature, inputs in warmup.read_requests(folder):
            self._run(signature, inputs)

    def status(self, version: str) -> dict:
        """What `GET /v1/models/NAME` answers."""
        status = {"error_code": "OK", "error_message": ""}
        return {
            "model_version_status": [
                {"version": version, "state": "AVAILABLE", "status": status}
            ]
        }

    def metadata(self, name: str, version: str) -> dict:
        """What `GET /v1/models/NAME/metadata` answers: the signatures."""
        from google.protobuf import json_format
        from tensorflow.core.protobuf import saved_model_pb2

        with open(os.path.join(self.path, "saved_model.pb"), "rb") as file:
            graph = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs[0]
        definitions = {
            signature: json_format.MessageToDict(
                graph.signature_def[signature],
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for signature in self._loaded.signatures
        }
        return {
            "model_spec": {"name": name, "signature_name": "", "version": version},
            "metadata": {"signature_def": {"signature_def": definitions}},
        }

    def predict(self, body: bytes) -> dict:
        """What `POST /v1/models/NAME:predict` answers.

        Args:
            body: JSON, in row format (`instances`) or in columns (`inputs`).

        Raises:
            RequestError: the request is wrong or too large.
        """
        request = _parse(body)
        signature = request.get("signature_name", "serving_default")
        if not isinstance(signature, str) or signature not in self._loaded.signatures:
            known = ", ".join(sorted(self._loaded.signatures))
            raise RequestError(f"no signature {signature!r}: there are {known}")
        specs = self._specs(signature)
        in_rows = "instances" in request
        if in_rows == ("inputs" in request):
            raise RequestError('give either "inputs" or "instances"')
        if in_rows:
            values = _columns(request["instances"], specs)
        else:
            values = request["inputs"]
            if not isinstance(values, dict):
                if len(specs) > 1:
                    raise RequestError(f'"inputs" must name {sorted(specs)}')
                values = {name: values for name in specs}
        if differing := sorted(set(values) ^ set(specs)):
            what = "is missing" if differing[0] in specs else "is unknown"
            raise RequestError(
                f"input {differing[0]!r} {what}; {signature} takes {sorted(specs)}"
            )
        inputs = {name: _array(name, values[name], specs[name]) for name in specs}
        self._check_size(inputs)
        outputs = self._run(signature, inputs)
        if not in_rows:
            return {"outputs": _only_or_all(_lists(outputs))}
        rows = zip(*_lists(outputs).values(), strict=True)
        return {
            "predictions": [
                _only_or_all(dict(zip(outputs, row, strict=True))) for row in rows
            ]
        }

    def _specs(self, signature):
        """Name -> tf.TensorSpec of its inputs."""
        return self._loaded.signatures[signature].structured_input_signature[1]

    def _check_size(self, inputs):
        length = int(inputs.get("length", 0))
        if length < 0:
            raise RequestError(f"length must be 0 or more, not {length}")
        arrays = [array for array in inputs.values() if array.ndim]
        num_rows = max((len(array) for array in arrays), default=1)
        given = max((array.size for array in arrays), default=0)
        if given + num_rows * length > self.max_tokens:
            raise RequestError(
                f"{given} tokens in {num_rows} rows and {length} more for each: this "
                f"server takes {self.max_tokens} in all"
            )

    def _run(self, signature, inputs):
        """Name -> numpy array of the outputs."""
        import tensorflow as tf

        function = self._loaded.signatures[signature]
        try:
            with self._lock:
                outputs = function(**{k: tf.constant(v) for k, v in inputs.items()})
                return {name: output.numpy() for name, output in outputs.items()}
        except tf.errors.OpError as error:
            wrong = isinstance(error, tf.errors.InvalidArgumentError)
            raise RequestError(_line(error), 400 if wrong else 500) from error


def _parse(body: bytes) -> dict:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the request is not JSON: {_line(error)}") from error
    if not isinstance(request, dict):
        raise RequestError('the request must be a JSON object with "inputs"')
    return request


def _columns(instances, specs) -> dict:
    """Name -> the list of its values, from a list of rows."""
    if not isinstance(instances, list) or not instances:
        raise RequestError('"instances" must be a list of one or more')
    if len(specs) == 1 and not any(isinstance(row, dict) for row in instances):
        return {name: instances for name in specs}
    if not all(isinstance(row, dict) and set(row) == set(specs) for row in instances):
        raise RequestError(f'each of "instances" must name {sorted(specs)}')
    return {name: [row[name] for row in instances] for name in specs}


def _array(name, value, spec) -> np.ndarray:
    """A JSON value as the input that the signature declares."""
    dtype = np.dtype(spec.dtype.as_numpy_dtype)
    kinds, wanted = _KINDS[dtype.kind]
    try:
        array = np.array(value)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"input {name!r} has rows of unequal length") from error
    if array.size and array.dtype.kind not in kinds:
        raise RequestError(f"input {name!r} must hold {wanted}")
    if not spec.shape.is_compatible_with(array.shape):
        shape = ["any" if size is None else size for size in spec.shape]
        raise RequestError(
            f"input {name!r} must be of shape {shape}, not {list(array.shape)}"
        )
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    if not np.all(np.isfinite(converted)) or (
        dtype.kind == "i" and not np.array_equal(converted, array)
    ):
        raise RequestError(f"input {name!r} holds a number that {dtype} has not")
    return converted


def _lists(outputs):
    return {name: array.tolist() for name, array in outputs.items()}


def _only_or_all(values: dict):
    """The value where there is one alone, whose name is left out."""
    return next(iter(values.values())) if len(values) == 1 else values


def _line(error) -> str:
    """What an error says: TensorFlow's reason comes after traces, before indented
    lines about the place."""
    lines = str(getattr(error, "message", error)).splitlines()
    return next((x for x in reversed(lines) if x and not x[0].isspace()), "unknown")
