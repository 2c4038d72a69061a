"""A .tflite file of the kind that a command needs."""

import json

from tfmusic.errors import UserError
from tfmusic.training.run import USES


def load_tflite(path: str, kind: str):
    """The device's runtime with a .tflite file.

    Args:
        path: the file.
        kind: what the model must be, "decoder" or "infiller".

    Returns:
        A `runtime.MusicModel` or a `runtime.MusicInfiller`.

    Raises:
        UserError: it can't be read, isn't one that `python -m tfmusic.export` wrote,
            or holds a model of another kind.
    """
    from tfmusic.export import runtime

    loaders = {"decoder": runtime.load, "infiller": runtime.load_infiller}
    try:
        about = json.loads(runtime.read_texts(path)["tfmusic.json"])
        found = about.get("kind", "decoder")
        if found != kind and found in USES:
            raise UserError(f"{path} holds {USES[found]}")
        return loaders[kind](path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"cannot read {path}: {error}") from error
