"""What a training leaves to be looked at: lines of JSON, and TensorBoard's files."""

import json
import os
import socket
import time

import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.files import write_text
from tfmusic.training import run
from tfmusic.training.storage import writing

# What tf.summary.scalar and .image write; they need TensorBoard installed.
_Metadata = tf.compat.v1.SummaryMetadata
_SCALAR = _Metadata(plugin_data=_Metadata.PluginData(plugin_name="scalars"))
_IMAGES = _Metadata(plugin_data=_Metadata.PluginData(plugin_name="images"))


class TrainingLog:
    """Scores as lines of JSON and for TensorBoard, and pictures for the latter.

    What a run that was killed had logged past its checkpoint is dropped, since it
    comes again: every step is there once.

    Attributes:
        lines: those of before, as dicts.
        interrupted_steps: numbers of the steps before the first that no line sums up
            yet, as `write_interruption` was given them.

    Args:
        model_dir: the run's folder.
        first_step: step at which this training begins.
        enabled: whether anything is written: of several workers, one does.

    Raises:
        UserError: the folder can't be written to, here and in every method.
    """

    def __init__(self, model_dir: str, first_step: int = 0, enabled: bool = True):
        self._path = os.path.join(model_dir, run.METRICS)
        self._folder = os.path.join(model_dir, "logs")
        self._first_step = first_step
        self._enabled = enabled
        # Read by every worker, since what is still to be done follows from them.
        self.lines = self._kept_lines()
        self.interrupted_steps = [
            step
            for line in self.lines
            if (line["on"], line["step"]) == ("interruption", first_step)
            for step in line["steps"]
        ]

    def __enter__(self):
        if self._enabled:
            with writing(self._folder):
                self._open_events()
        return self

    def __exit__(self, error, *_):
        if not self._enabled:
            return
        try:
            with writing(self._folder):
                self._events.close()
        except UserError:
            if not error:  # the first one says more
                raise

    def write(self, step: int, name: str, scores: dict) -> None:
        """Adds the scores of a step under a name such as "validation".

        Args:
            step: that they are of.
            name: what was scored.
            scores: numbers by name; a dict of numbers in the place of one becomes
                a tag each in TensorBoard, "validation/nats_by/alto".
        """
        if not self._enabled:
            return
        self._write_line({"step": step, "on": name, **scores})
        self._write_values(
            step,
            {
                tag: (tf.constant(value, tf.float32), _SCALAR)
                for tag, value in _flat(name, scores)
            },
        )

    def write_interruption(self, step: int, steps: list) -> None:
        """Notes that the training was interrupted.

        Args:
            step: after which it was.
            steps: a list of numbers for each step since the last line.
        """
        if self._enabled:
            self._write_line({"step": step, "on": "interruption", "steps": steps})

    def write_images(self, step: int, name: str, images) -> None:
        """Adds pictures to a step, for TensorBoard alone.

        Args:
            step: that they show.
            name: such as "samples".
            images: `[K, height, width, 3]` of uint8.
        """
        if not self._enabled:
            return
        height, width = images.shape[1:3]
        pictures = [tf.io.encode_png(image) for image in images]
        content = tf.stack([str(width), str(height), *pictures])
        self._write_values(step, {name: (content, _IMAGES)})

    def _kept_lines(self):
        """The lines up to the first step; others, and half a line, are removed."""
        if not tf.io.gfile.exists(self._path):
            return []
        with writing(self._path), tf.io.gfile.GFile(self._path) as file:
            text = file.read()
        kept = []
        for line in text.splitlines():
            try:
                values = json.loads(line)
            except ValueError:
                continue
            if values["step"] <= self._first_step:
                kept.append(line)
        lines = "".join(line + "\n" for line in kept)
        if self._enabled and lines != text:
            write_text(self._path, lines)
        return [json.loads(line) for line in kept]

    def _write_line(self, values):
        # Opened for each line: a folder that is gone is noticed.
        with writing(self._path), tf.io.gfile.GFile(self._path, "a") as file:
            file.write(json.dumps(values) + "\n")

    def _open_events(self):
        # A file for each start; TensorBoard forgets what an earlier one holds from
        # the step on that the first event names.
        tf.io.gfile.makedirs(self._folder)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}"
        self._events = tf.io.TFRecordWriter(os.path.join(self._folder, name))
        self._write_event(file_version="brain.Event:2")
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._write_event(step=self._first_step + 1, session_log=start)

    def _write_values(self, step, values):
        """Values by tag: each a tensor and its metadata."""
        summary = tf.compat.v1.Summary(
            value=[
                tf.compat.v1.Summary.Value(
                    tag=tag, metadata=metadata, tensor=tf.make_tensor_proto(tensor)
                )
                for tag, (tensor, metadata) in values.items()
            ]
        )
        self._write_event(step=step, summary=summary)

    def _write_event(self, **content):
        event = tf.compat.v1.Event(wall_time=time.time(), **content)
        with writing(self._folder):
            self._events.write(event.SerializeToString())
            self._events.flush()


def _flat(name, scores):
    """Numbers by tag; those in dicts within come as NAME/KEY/KEY."""
    for key, value in scores.items():
        if isinstance(value, dict):
            yield from _flat(f"{name}/{key}", value)
        else:
            yield f"{name}/{key}", value
