"""The state of a training on disk: saved whole, restored from the newest that is whole.

A folder of checkpoints is as `tf.train.CheckpointManager` leaves it: `ckpt-STEP.index`,
`ckpt-STEP.data-*`, and `checkpoint`, which names them.
"""

import contextlib
import os
import re
import tempfile

import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.training.storage import writing

MAX_TO_KEEP = 2


class Checkpoints:
    """The checkpoints of a run.

    Under tf.distribute every worker calls every method: a worker that writes nothing
    of its own takes part in a checkpoint all the same, in a folder that is removed.

    Args:
        model, optimizer: whose variables are kept, made under the strategy's scope.
        model_dir: the run's folder.
        is_chief: whether this process writes.
        others: more objects with variables, by name.
    """

    def __init__(self, model, optimizer, model_dir, is_chief=True, **others):
        self.folder = os.path.join(model_dir, "checkpoints")
        self._is_chief = is_chief
        self._checkpoint = tf.train.Checkpoint(
            model=model, optimizer=optimizer, **others
        )
        # Made by being read: a checkpoint of a CheckpointManager has it as well.
        self._checkpoint.save_counter  # noqa: B018
        self._damaged = set()

    @property
    def steps(self) -> list[int]:
        """Steps of all checkpoints, whole or not, in ascending order."""
        if not tf.io.gfile.isdir(self.folder):
            return []
        matches = (
            re.fullmatch(r"ckpt-(\d+)\.(index|data-.*)", name)
            for name in tf.io.gfile.listdir(self.folder)
        )
        return sorted({int(match[1]) for match in matches if match})

    def restore(self, warn=print) -> int:
        """Restores the newest whole checkpoint, to the last variable.

        Args:
            warn: called with a line for each checkpoint that is damaged.

        Returns:
            Its step; 0 where there is no checkpoint.

        Raises:
            UserError: it is another model's or optimizer's, or all are damaged.
        """
        steps = self.steps
        state = os.path.join(self.folder, "checkpoint")
        if len(steps) == 1 and not tf.io.gfile.exists(state):
            # Written last: the very first checkpoint was cut short.
            steps = [step for step in steps if not _damage(self._prefix(step))]
        for step in reversed(steps):
            damage = _damage(self._prefix(step))
            if not damage:
                self._restore(step)
                return step
            self._damaged.add(step)
            warn(f"{self._prefix(step)} is damaged ({damage}) and left out")
        if steps:
            raise UserError(
                f"{self.folder} holds no checkpoint that is whole: remove it to train "
                "from the beginning, or train in another --model_dir"
            )
        return 0

    def _prefix(self, step):
        return os.path.join(self.folder, f"ckpt-{step}")

    def _restore(self, step):
        path = self._prefix(step)
        try:
            status = self._checkpoint.read(path)
            status.assert_existing_objects_matched().assert_consumed()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"{path} does not hold this run's model and optimizer: train in "
                "another --model_dir"
            ) from error

    def save(self, step: int) -> None:
        """Writes a checkpoint; of the older ones, the newest whole one is kept.

        Raises:
            UserError: the disk is full, or the folder gone. The others are whole.
        """
        if not self._is_chief:
            with tempfile.TemporaryDirectory() as scratch:
                self._checkpoint.write(os.path.join(scratch, "ckpt"))
            return
        with writing(self.folder):
            self._write(step)
            self._damaged.discard(step)
            older = [s for s in self.steps if s < step and s not in self._damaged]
            kept = [*older, step][-MAX_TO_KEEP:]
            self._write_names(kept)
            self._remove_all_but(kept)

    def _write(self, step):
        # A data file without an index is no checkpoint: so the index comes last.
        scratch = os.path.join(self.folder, f".ckpt-{step}")
        tf.io.gfile.makedirs(scratch)
        try:
            self._checkpoint.write(os.path.join(scratch, f"ckpt-{step}"))
            names = tf.io.gfile.listdir(scratch)
            for name in sorted(names, key=lambda name: name.endswith("index")):
                tf.io.gfile.rename(
                    os.path.join(scratch, name),
                    os.path.join(self.folder, name),
                    overwrite=True,
                )
        finally:
            with contextlib.suppress(tf.errors.OpError):
                tf.io.gfile.rmtree(scratch)

    def _write_names(self, steps):
        # A CheckpointState as text, the newest last, as TensorFlow reads it.
        lines = [f'model_checkpoint_path: "ckpt-{steps[-1]}"']
        lines += [f'all_model_checkpoint_paths: "ckpt-{step}"' for step in steps]
        temporary = os.path.join(self.folder, ".ckpt-names")
        with tf.io.gfile.GFile(temporary, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        names = os.path.join(self.folder, "checkpoint")
        tf.io.gfile.rename(temporary, names, overwrite=True)

    def _remove_all_but(self, steps):
        """Removes older checkpoints, damaged ones and what kills left behind."""
        for name in tf.io.gfile.listdir(self.folder):
            match = re.match(r"\.?ckpt-(\d+)", name)
            if not match or (int(match[1]) in steps and not name.startswith(".")):
                continue
            path = os.path.join(self.folder, name)
            if tf.io.gfile.isdir(path):
                tf.io.gfile.rmtree(path)
            else:
                tf.io.gfile.remove(path)


def _damage(prefix):
    """What is wrong with a checkpoint's files; None where each value can be read."""
    if not tf.io.gfile.exists(prefix + ".index"):
        return "no index"
    try:
        # Not `tf.train.load_checkpoint`, which asks whether this is a folder: not
        # every file system says no.
        reader = tf.compat.v1.train.NewCheckpointReader(prefix)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except Exception as error:  # its reader raises whatever it is reminded of
        return " ".join(str(error).split()) or type(error).__name__
    return None
