"""Serves a SavedModel over HTTP, in the format of TensorFlow Serving's REST API.

Usage:
  python -m tfmusic.export.serve --saved_model=DIR
  python -m tfmusic.export.serve --saved_model=DIR --port=0 --name=chorale

DIR is what `python -m tfmusic.export` or `model.save` wrote. For trying a model out
and for tests; the same requests work with TensorFlow Serving.

  POST /v1/models/NAME:predict     {"signature_name": ..., "inputs": {...}}
  GET  /v1/models/NAME             whether it is there
  GET  /v1/models/NAME/metadata    its signatures
"""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from absl import flags

from tfmusic.errors import UserError, run_command
from tfmusic.export.rest import RequestError, Servable
from tfmusic.quiet import import_tensorflow

# /v1/models/NAME, its version or not, and what is asked of it.
_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(/metadata|:predict)?")
_VERSION = "1"
_SECONDS = 60  # until a silent connection is closed
_PIECE = 1 << 16  # bytes

_SAVED_MODEL = flags.DEFINE_string(
    "saved_model", None, "The SavedModel's folder.", required=True
)
_HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "Where to listen; 0.0.0.0 is every network's address."
)
_PORT = flags.DEFINE_integer(
    "port", 8501, "The port; 0 takes a free one.", lower_bound=0, upper_bound=65535
)
_NAME = flags.DEFINE_string("name", "music", "The model's name in the addresses.")
_MAX_TOKENS = flags.DEFINE_integer(
    "max_tokens",
    4096,
    "Most tokens of a request, given and to be generated, of all rows together.",
    lower_bound=1,
)
_MAX_BYTES = flags.DEFINE_integer(
    "max_bytes", 1 << 20, "Most bytes of a request.", lower_bound=1
)


class Server(ThreadingHTTPServer):
    """Answers requests about one model.

    Args:
        address: host and port.
        servable: what `predict`, `status` and `metadata` are asked of.
        name: the model's.
        max_bytes: of a request's body.
    """

    daemon_threads = True

    def __init__(self, address, servable, name, max_bytes):
        super().__init__(address, Handler)
        self.servable = servable
        self.name = name
        self.max_bytes = max_bytes


class Handler(BaseHTTPRequestHandler):
    """One connection to a `Server`."""

    protocol_version = "HTTP/1.1"
    server_version = "tfmusic"
    timeout = _SECONDS

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def _get(self):
        what = self._find()
        if what == "/metadata":
            return self.server.servable.metadata(self.server.name, _VERSION)
        if what is None:
            return self.server.servable.status(_VERSION)
        raise RequestError(f"{what} is asked for with POST", 404)

    def _post(self):
        body = self._read()
        if self._find() != ":predict":
            raise RequestError(f"POST knows :predict alone, not {self.path}", 404)
        return self.server.servable.predict(body)

    def _find(self) -> str | None:
        """What the address asks of the model."""
        match = _PATH.fullmatch(self.path)
        if not match:
            raise RequestError(f"there is nothing at {self.path}", 404)
        name, version, what = match.groups()
        if name != self.server.name or version not in (None, _VERSION):
            asked = name if version is None else f"{name}, version {version}"
            here = f"{self.server.name}, version {_VERSION}"
            raise RequestError(f"there is no model {asked}: this one is {here}", 404)
        return what

    def _read(self) -> bytes:
        """The body, or its end where it is too large: only so is the answer heard."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise RequestError("a request needs a Content-Length and a body")
        length = int(length)
        if length <= self.server.max_bytes:
            return self.rfile.read(length)
        while length > 0 and (piece := self.rfile.read(min(length, _PIECE))):
            length -= len(piece)
        raise RequestError(f"a request may have {self.server.max_bytes} bytes at most")

    def _answer(self, answer):
        try:
            status, content = 200, answer()
        except RequestError as error:
            status, content = error.status, {"error": str(error)}
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Nothing: what goes wrong is in the answer."""


def main() -> None:
    import_tensorflow()
    servable = Servable(_SAVED_MODEL.value, _MAX_TOKENS.value)
    servable.warm_up()
    address = _HOST.value, _PORT.value
    try:
        server = Server(address, servable, _NAME.value, _MAX_BYTES.value)
    except OSError as error:
        raise UserError(
            f"can't listen at {_HOST.value}, port {_PORT.value}: "
            f"{error.strerror or error}; choose another --host or --port"
        ) from error
    host, port = server.server_address[:2]
    print(f"serving at http://{host}:{port}/v1/models/{_NAME.value}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    run_command(main, __doc__)
