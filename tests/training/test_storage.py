"""What keeps a file from being written, in one line that says why."""

import errno
import os

import pytest
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.training.storage import writing

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")
MESSAGE = "{{function_node x}} out/a.index; No space left on device [Op:SaveV2]"
TENSORFLOWS = tf.errors.ResourceExhaustedError(None, None, MESSAGE)


@pytest.mark.parametrize("error", [FULL, TENSORFLOWS])
def test_a_full_disk_is_one_line_with_its_reason(error):
    with pytest.raises(UserError) as caught, writing("out/run"):
        raise error
    assert str(caught.value).startswith(
        "cannot write out/run: No space left on device; the training stops"
    )


def test_what_is_no_matter_of_the_disk_stays_what_it_is():
    with pytest.raises(ValueError, match="ours"), writing("out/run"):
        raise ValueError("ours")
    with writing("out/run"):
        pass
