"""What every public layer and model must go through: see `tests/goldens.py`."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tfmusic import layers, models

BATCH, TIME = 2, 7  # another batch and time than 1 or what a layer was built with


class Case:
    """A golden's layer, its inputs and outputs, and its graph for any batch and time.

    Made once for all tests of a golden: traces are what costs time here.
    """

    def __init__(self, name):
        self.name = name
        self.layer = goldens.make(name)
        self.inputs = goldens.GOLDENS[name].inputs(BATCH, TIME)
        self.outputs = self.layer(self.inputs).numpy()
        self.graph = tf.function(self.layer.__call__, autograph=False)
        self.spec = tf.nest.map_structure(
            lambda x: tf.TensorSpec([None, None, *x.shape[2:]], x.dtype), self.inputs
        )
        self.graph.get_concrete_function(self.spec)


@pytest.fixture(scope="module", params=goldens.GOLDENS)
def case(request):
    return Case(request.param)


def tensors(inputs):
    return tf.nest.map_structure(tf.constant, inputs)


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def outputs_and_gradients(layer, inputs, projection):
    """And the gradients of the outputs' sum, each weighted differently."""
    with tf.GradientTape() as tape:
        outputs = layer(inputs)
        loss = tf.reduce_sum(outputs * projection)
    found = tape.gradient(loss, [weight.value for weight in layer.trainable_weights])
    return outputs, [tf.convert_to_tensor(gradient) for gradient in found]


def projection_of(case):
    shape = case.outputs.shape
    return np.random.default_rng(2).normal(size=shape).astype("float32")


def test_every_public_layer_and_model_has_a_golden():
    public = {
        name
        for module in (layers, models)
        for name in module.__all__
        if isinstance(getattr(module, name), type)
        and issubclass(getattr(module, name), keras.layers.Layer)
    }
    assert public >= {"CausalMultiHeadAttention", "MusicDecoder"}
    registered = {name.partition("/")[0] for name in goldens.GOLDENS}
    assert registered == public - {"TokenMixer"}, "TokenMixer alone is abstract"


def test_the_golden_is_what_it_is_called(case):
    assert type(case.layer).__name__ == case.name.partition("/")[0]


def test_config_round_trip_through_json(case):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(case.layer)))
    restored = keras.saving.deserialize_keras_object(config)
    assert type(restored) is type(case.layer)
    assert json.dumps(restored.get_config()) == json.dumps(case.layer.get_config())
    if not restored.built:
        restored.build((None, None, goldens.DIM))
    restored.set_weights(case.layer.get_weights())
    np.testing.assert_array_equal(restored(case.inputs), case.outputs)


def test_symbolic_shapes(case):
    inputs = tf.nest.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=x.dtype.name), case.inputs
    )
    outputs = case.layer(inputs)
    assert outputs.shape == (None, TIME, case.outputs.shape[-1])
    assert outputs.dtype == "float32"


def test_gradients_are_all_there_and_finite(case):
    _, found = outputs_and_gradients(case.layer, case.inputs, projection_of(case))
    for weight, gradient in zip(case.layer.trainable_weights, found, strict=True):
        assert gradient.shape == weight.shape
        assert np.isfinite(gradient).all(), weight.path
        assert np.any(gradient), weight.path


@pytest.mark.parametrize("batch, time", [(BATCH, TIME), (1, 1), (3, 12)])
def test_one_graph_serves_every_batch_and_time(case, batch, time):
    inputs = goldens.GOLDENS[case.name].inputs(batch, time)
    assert_close(case.graph(tensors(inputs)), case.layer(inputs))
    assert case.graph.experimental_get_tracing_count() == 1


def test_xla(case):
    compiled = tf.function(case.layer.__call__, jit_compile=True, autograph=False)
    assert_close(compiled(tensors(case.inputs)), case.outputs)


def test_mixed_bfloat16(case):
    layer = goldens.make(case.name, "mixed_bfloat16")
    layer.set_weights(case.layer.get_weights())
    assert all(weight.dtype == "float32" for weight in layer.weights)
    function = tf.function(layer.__call__, autograph=False)
    inputs = tensors(case.inputs)
    outputs = function(inputs)
    is_model = isinstance(layer, keras.Model)
    assert outputs.dtype == (tf.float32 if is_model else tf.bfloat16)
    error = np.abs(tf.cast(outputs, tf.float32) - case.outputs).max()
    assert error < 0.03 * np.abs(case.outputs).max()
    operations = function.get_concrete_function(inputs).graph.get_operations()
    dtypes = {
        kind: {op.inputs[0].dtype for op in operations if op.type == kind}
        for kind in ("Softmax", "Exp", "BatchMatMulV2")
    }
    assert dtypes["Softmax"] | dtypes["Exp"] <= {tf.float32}
    if not goldens.GOLDENS[case.name].float32_sums:
        assert dtypes["BatchMatMulV2"] <= {tf.bfloat16}


def test_saved_model(case, tmp_path):
    module = tf.Module()
    module.weights = [weight.value for weight in case.layer.weights]
    module.call = case.graph
    tf.saved_model.save(module, tmp_path / "saved")
    loaded = tf.saved_model.load(tmp_path / "saved")
    assert_close(loaded.call(tensors(case.inputs)), case.outputs)


def test_mirrored_strategy(case):
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        # Collectives have numbers, that all strategies of a process count from one.
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        layer = goldens.make(case.name)
        layer.set_weights(case.layer.get_weights())

    def halves(values):
        parts = np.split(values, 2)
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def replica_step(inputs, projection):
        outputs, found = outputs_and_gradients(layer, inputs, projection)
        replica = tf.distribute.get_replica_context()
        return outputs, found and replica.all_reduce("sum", found)

    @tf.function
    def step(inputs, projection):
        return strategy.run(replica_step, args=(inputs, projection))

    projection = projection_of(case)
    outputs, found = step(
        tf.nest.map_structure(halves, case.inputs), halves(projection)
    )
    outputs = np.concatenate(strategy.experimental_local_results(outputs))
    assert_close(outputs, case.outputs)
    _, expected = outputs_and_gradients(case.layer, case.inputs, projection)
    for one, sums in zip(expected, found, strict=True):
        for sum_of_replicas in strategy.experimental_local_results(sums):
            assert_close(sum_of_replicas, one)
