"""A process that trains in others, and kills them: run by test_interruption.py.

Each training is forked off after the imports, before TensorFlow computes anything.
"""

import contextlib
import os
import resource
import signal
import sys

from tfmusic.quiet import import_tensorflow

import_tensorflow()

import tensorflow as tf  # noqa: E402

from tests.training.test_trainer import DROPOUT  # noqa: E402
from tests.training.test_trainer import train as train_here  # noqa: E402
from tfmusic.errors import run_command  # noqa: E402

# Whatever changes something on disk; a training is killed before one of its calls.
CHANGES = [
    (os, "replace"),
    (tf.io.gfile, "rename"),
    (tf.io.gfile, "remove"),
    (tf.io.gfile.GFile, "write"),
    (tf.io.TFRecordWriter, "write"),
    (tf.train.Checkpoint, "write"),
]


def train(folder):
    train_here(
        *(folder, DROPOUT),
        steps=6,
        evaluate_every=3,
        checkpoint_every=2,
        log_every=3,
        ema=0.9,
        xla=True,
    )


def forked(function, *arguments):
    """Calls a function in a process of its own; returns how that ended."""
    pid = os.fork()
    if not pid:
        # The parent's frames are not this process's to go back to.
        try:
            function(*arguments)
            os._exit(0)
        except SystemExit:
            raise
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def count_changes(report):
    """From now on each change is reported with its number."""
    number = 0

    def counted(function):
        def call(*arguments, **options):
            nonlocal number
            number += 1
            report(number, function, arguments)
            return function(*arguments, **options)

        return call

    for owner, name in CHANGES:
        setattr(owner, name, counted(getattr(owner, name)))


def train_and_count(folder):
    numbers = [0]
    count_changes(lambda number, *_: numbers.append(number))
    train(folder)
    with open(f"{folder}.changes", "w") as file:
        file.write(str(numbers[-1]))


def train_and_die(folder, last):
    def report(number, function, arguments):
        if number == last:
            if function.__name__ == "write" and isinstance(arguments[-1], str):
                with contextlib.suppress(Exception):  # half of what it would write
                    text = arguments[-1]
                    function(*arguments[:-1], text[: len(text) // 2])
                    arguments[0].flush()
            os.kill(os.getpid(), signal.SIGKILL)

    count_changes(report)
    train(folder)


def train_on_a_full_disk(folder, limit):
    sys.argv = sys.argv[:1]
    with open(f"{folder}.stderr", "w") as file:
        os.dup2(file.fileno(), 2)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    run_command(lambda: train(folder), "")


def main(folder):
    """Prints a line for each training: its name and how it ended."""
    print("whole", forked(train_and_count, f"{folder}/whole"))
    with open(f"{folder}/whole.changes") as file:
        changes = int(file.read())
    for part in (0.55, 0.3, 0.15):
        last = round(part * changes)
        print("killed", forked(train_and_die, f"{folder}/broken", last))
    print("broken", forked(train, f"{folder}/broken"))
    print("full", forked(train_on_a_full_disk, f"{folder}/full", 8000))


if __name__ == "__main__":
    # Each line once, though processes are forked.
    sys.stdout.reconfigure(line_buffering=True)
    main(sys.argv[1])
