"""tfmusic: symbolic music with transformers, in TensorFlow and Keras.

The public names are imported when they are first used, so that `import tfmusic`
needs nothing but the standard library.
"""

import importlib
import json
import os
import sys

__version__ = "0.1.0"

_MODULES = {
    "BidirectionalAttention": "tfmusic.layers",
    "CausalFourierMixing": "tfmusic.layers",
    "CausalMultiHeadAttention": "tfmusic.layers",
    "ChoraleInfiller": "tfmusic.models",
    "ChoraleTokenizer": "tfmusic.tokenizers",
    "DenseSynthesizer": "tfmusic.layers",
    "DilatedWindowAttention": "tfmusic.layers",
    "FNetBlock": "tfmusic.layers",
    "FourierConvolution": "tfmusic.layers",
    "FourierMixing": "tfmusic.layers",
    "HashedAttention": "tfmusic.layers",
    "Infiller": "tfmusic.sampling",
    "LowRankAttention": "tfmusic.layers",
    "MelodyTokenizer": "tfmusic.tokenizers",
    "ModelConfig": "tfmusic.config",
    "ModelGenerator": "tfmusic.sampling",
    "MultitrackTokenizer": "tfmusic.tokenizers",
    "MusicDecoder": "tfmusic.models",
    "PRESETS": "tfmusic.presets",
    "PerformanceTokenizer": "tfmusic.tokenizers",
    "RandomFeatureAttention": "tfmusic.layers",
    "RandomSynthesizer": "tfmusic.layers",
    "RelativeGlobalAttention": "tfmusic.layers",
    "RelativeLocalAttention": "tfmusic.layers",
    "RemiTokenizer": "tfmusic.tokenizers",
    "Sampler": "tfmusic.sampling",
    "ShawAttention": "tfmusic.layers",
    "TokenMixer": "tfmusic.layers",
    "TrainConfig": "tfmusic.config",
    "UserError": "tfmusic.errors",
    "draw_piano_roll": "tfmusic.music",
    "from_pretrained": "tfmusic.pretrained",
    "get_tokenizer": "tfmusic.tokenizers",
    "load_generator": "tfmusic.sampling",
    "load_run": "tfmusic.training.run",
    "parse_sequence": "tfmusic.music",
    "read_sequence": "tfmusic.music",
    "write_midi": "tfmusic.music",
}
__all__ = [*_MODULES]

# In a checkout, datasets/ and export/ stand beside this package.
if not os.path.isdir(os.path.join(__path__[0], "datasets")):
    __path__.append(os.path.dirname(__path__[0]))


def __getattr__(name: str) -> object:
    """Imports a public name from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


def _keras_backend() -> str:
    """The backend that Keras is going to take, without importing Keras."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend:
        return backend
    home = os.environ.get("KERAS_HOME", os.path.join("~", ".keras"))
    path = os.path.expanduser(os.path.join(home, "keras.json"))
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file).get("backend", "tensorflow")
    except (OSError, ValueError):  # as Keras does: no such file, or not JSON
        return "tensorflow"


def _check_keras_backend() -> None:
    """Refuses every backend but TensorFlow.

    Raises:
        ImportError: one line that says what to set.
        SystemExit: while `python -m tfmusic.<command>` is looked up, when no code of
            the command's own can catch an error: the line is printed, exit code 2.
    """
    backend = _keras_backend()
    if backend == "tensorflow":
        return
    message = (
        f"tfmusic needs Keras's TensorFlow backend, not {backend!r}: "
        "set KERAS_BACKEND=tensorflow"
    )
    if sys.argv[0] == "-m":  # what Python puts there until the command is found
        print("tfmusic:", message, file=sys.stderr)
        sys.exit(2)
    raise ImportError(message)


_check_keras_backend()
