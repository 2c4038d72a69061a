"""Warm-up requests of a SavedModel: a server replays them before it serves.

The file is a TFRecord of `tensorflow.serving.PredictionLog` messages. Of those, only
the fields that a request needs are declared here, so no package of TensorFlow
Serving's is needed: https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import os
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

FILE_NAME = "tf_serving_warmup_requests"  # in the folder assets.extra

# Message -> field -> its number and type. A map is a list of entries on the wire, and
# a message (here TensorProto) is bytes.
_MESSAGES = {
    "PredictionLog": {"predict_log": (6, "PredictLog")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "Input")},
    "ModelSpec": {"signature_name": (3, "string")},
    "Input": {"key": (1, "string"), "value": (2, "bytes")},
}
_REPEATED = {"inputs"}

# Scalars of the signatures; every other input is of zeros: PAD, and features that any
# model knows.
_SCALARS = {"length": 8, "temperature": 1.0, "top_p": 1.0}
_TIME = 8


def _make_message_class():
    Field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="warmup.proto", package="tfmusic.warmup", syntax="proto3"
    )
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, (number, kind) in fields.items():
            field = message.field.add(name=name, number=number)
            repeated = name in _REPEATED
            field.label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            if kind in _MESSAGES:
                field.type = Field.TYPE_MESSAGE
                field.type_name = f".{file.package}.{kind}"
            else:
                field.type = Field.Type.Value(f"TYPE_{kind.upper()}")
    # A pool of its own: the true messages may be loaded beside these.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName(f"{file.package}.PredictionLog")
    return message_factory.GetMessageClass(descriptor)


_PredictionLog = _make_message_class()


def example_inputs(specs: Iterable[tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Small inputs for a signature: one row, of 8 places where any number may be.

    Args:
        specs: the signature's inputs, each with its name.
    """
    inputs = {}
    for spec in specs:
        sizes = [size or _TIME for size in spec.shape]
        if spec.shape.rank and spec.shape[0] is None:
            sizes[0] = 1
        value = _SCALARS.get(spec.name, 0)
        inputs[spec.name] = np.full(sizes, value, spec.dtype.as_numpy_dtype)
    return inputs


def write_requests(
    folder: str | os.PathLike, requests: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Writes a request for each signature.

    Args:
        folder: the SavedModel's `assets.extra`.
        requests: signature -> its inputs by name.
    """
    with tf.io.TFRecordWriter(os.path.join(folder, FILE_NAME)) as writer:
        for signature, inputs in requests.items():
            log = _PredictionLog()
            request = log.predict_log.request
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                proto = tf.make_tensor_proto(value).SerializeToString()
                request.inputs.add(key=name, value=proto)
            writer.write(log.SerializeToString())


def read_requests(
    folder: str | os.PathLike,
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """The signature and the inputs of each request; none where there is no file.

    Args:
        folder: the SavedModel's `assets.extra`.
    """
    path = os.path.join(folder, FILE_NAME)
    if not os.path.isfile(path):
        return
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        request = _PredictionLog.FromString(record).predict_log.request
        inputs = {
            entry.key: tf.make_ndarray(tensor_pb2.TensorProto.FromString(entry.value))
            for entry in request.inputs
        }
        yield request.model_spec.signature_name, inputs
