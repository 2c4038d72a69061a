"""What a full disk or a lost folder raises, as a line."""

import contextlib
import os
import re
from collections.abc import Iterator

import tensorflow as tf

from tfmusic.errors import UserError


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
    """Says in one line what keeps a run's file from being written.

    Args:
        path: the file or folder that the block writes.

    Raises:
        UserError: it can't be written; no more can be done for the training.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot write {path}: {_reason(error)}; the training stops, its last "
            "checkpoint is whole: make room, and the same command goes on"
        ) from error


def _reason(error):
    if isinstance(error, OSError):
        return error.strerror or error
    # TensorFlow's message is "{{node ...}} path; reason [Op:...]".
    message = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", error.message)
    return message.rpartition(";")[2].strip()
