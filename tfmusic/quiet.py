"""TensorFlow, imported without the lines that its libraries print on the way."""

import contextlib
import os
from collections.abc import Iterator


def import_tensorflow() -> None:
    """Imports TensorFlow; its libraries' notes are not shown.

    They are printed while the libraries load, past `sys.stderr` and whatever
    TF_CPP_MIN_LOG_LEVEL says. That variable is set to 3 unless it is set: errors that
    matter are raised as well, and having no GPU is one of the others. Where it is 0,
    everything is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silent_libraries():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def silent_libraries() -> Iterator[None]:
    """What the process writes to standard error is lost, exceptions are not.

    Where TF_CPP_MIN_LOG_LEVEL is 0, everything is shown.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
