import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)
from tensorflow.core.framework import tensor_pb2

from tfmusic.export import warmup

# The published messages, of TensorFlow Serving's apis/prediction_log.proto,
# predict.proto and model.proto, as far as a request needs them.
PUBLISHED = """
name: "published.proto" package: "published" syntax: "proto3"
dependency: "tensorflow/core/framework/tensor.proto"
message_type {
  name: "ModelSpec"
  field { name: "name" number: 1 type: TYPE_STRING }
  field { name: "signature_name" number: 3 type: TYPE_STRING }
}
message_type {
  name: "PredictRequest"
  field { name: "model_spec" number: 1 type: TYPE_MESSAGE
          type_name: ".published.ModelSpec" }
  field { name: "inputs" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE
          type_name: ".published.PredictRequest.InputsEntry" }
  nested_type {
    name: "InputsEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING }
    field { name: "value" number: 2 type: TYPE_MESSAGE
            type_name: ".tensorflow.TensorProto" }
  }
}
message_type {
  name: "PredictLog"
  field { name: "request" number: 1 type: TYPE_MESSAGE
          type_name: ".published.PredictRequest" }
}
message_type {
  name: "PredictionLog"
  field { name: "predict_log" number: 6 type: TYPE_MESSAGE
          type_name: ".published.PredictLog" }
}
"""


def published_class():
    pool = descriptor_pool.DescriptorPool()

    def add(descriptor):
        for dependency in descriptor.dependencies:
            add(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        descriptor.CopyToProto(proto)
        pool.Add(proto)

    add(tensor_pb2.DESCRIPTOR)
    pool.Add(text_format.Parse(PUBLISHED, descriptor_pb2.FileDescriptorProto()))
    descriptor = pool.FindMessageTypeByName("published.PredictionLog")
    return message_factory.GetMessageClass(descriptor)


def read_as_published(path):
    """Signature -> inputs, by the published messages alone."""
    message = published_class()
    requests = {}
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        log = message.FromString(record)
        assert log.ByteSize() == len(record)
        request = log.predict_log.request
        inputs = {}
        for name, value in request.inputs.items():
            proto = tensor_pb2.TensorProto.FromString(value.SerializeToString())
            inputs[name] = tf.make_ndarray(proto)
        requests[request.model_spec.signature_name] = inputs
    return requests


@pytest.mark.parametrize("with_tokenizer", [True, False])
def test_every_signature_runs_on_its_request(
    small, tokenizer, tmp_path, with_tokenizer
):
    small.save(tmp_path / "saved", tokenizer=tokenizer if with_tokenizer else None)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    extra = tmp_path / "saved" / "assets.extra"
    requests = read_as_published(extra / "tf_serving_warmup_requests")
    assert set(requests) == set(loaded.signatures)
    for name, inputs in requests.items():
        function = loaded.signatures[name]
        specs = function.structured_input_signature[1]
        assert set(inputs) == set(specs)
        for key, spec in specs.items():
            assert spec.dtype == inputs[key].dtype
            assert spec.shape.is_compatible_with(inputs[key].shape)
        outputs = function(**{k: tf.constant(v) for k, v in inputs.items()})
        for output in outputs.values():
            assert output.shape[0] == 1 and np.all(np.isfinite(output))


def test_what_was_written_is_read(tmp_path):
    requests = {
        "one": {"a": np.array([[1, -2]], np.int32), "b": np.float32(0.5)},
        "two": {"c": np.zeros([0, 3], np.int32)},
    }
    warmup.write_requests(tmp_path, requests)
    again = dict(warmup.read_requests(tmp_path))
    published = read_as_published(tmp_path / warmup.FILE_NAME)
    assert list(again) == list(published) == ["one", "two"]
    for name, inputs in requests.items():
        for key, value in inputs.items():
            for read in (again, published):
                assert read[name][key].dtype == value.dtype
                np.testing.assert_array_equal(read[name][key], value)


def test_no_file_is_no_requests(tmp_path):
    assert list(warmup.read_requests(tmp_path)) == []
