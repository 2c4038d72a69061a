import tensorflow as tf
from tensorflow_datasets.core import file_adapters

from tfmusic.datasets.example_writer import StableExampleWriter


def varint_field(number, data):
    """A field of bytes in the wire format."""
    return bytes([number << 3 | 2, len(data)]) + data


def example(*entries):
    """The bytes of an example, its features in the order that is given."""
    features = b""
    for name, value in entries:
        of_bytes = varint_field(1, varint_field(1, value))
        features += varint_field(1, varint_field(1, name) + varint_field(2, of_bytes))
    return varint_field(1, features)


def test_the_order_of_features_is_that_of_their_names(tmp_path):
    entries = [(b"id", b"a"), (b"sequence", b"notes")]
    orders = [example(*entries), example(*reversed(entries))]
    parsed = [tf.train.Example.FromString(data) for data in orders]
    assert parsed[0] == parsed[1] and orders[0] != orders[1]
    writer = StableExampleWriter(file_adapters.FileFormat.TFRECORD)
    files = []
    for number, data in enumerate(orders):
        path = tmp_path / f"{number}.tfrecord"
        writer.write(str(path), [(0, data)])
        files.append(path.read_bytes())
    assert files[0] == files[1]
    (record,) = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    assert record == orders[0]
