import re

import numpy as np
import pytest
import tensorflow as tf

from tests import goldens, reference
from tfmusic.layers import CausalFourierMixing, apply_update

METHODS = ["matmul", "chirp"]


def make(period=8, method="auto", dim=goldens.DIM, **kwargs):
    layer = CausalFourierMixing(period, method, **kwargs)
    layer.build((None, None, dim))
    return layer


def extend(layer, x, chunks, position=0, cache=None):
    """Outputs of x after its first `position` steps, in chunks, and the cache."""
    cache = cache or layer.init_cache(len(x), x.shape[1])
    parts = []
    for size in chunks:
        part, update = layer.extend(x[:, position : position + size], cache, position)
        cache = apply_update(cache, update, position, layer.cache_kinds)
        parts.append(part)
        position += size
    return np.concatenate(parts, axis=1), cache


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("time", [1, 5, 8])
def test_equals_the_written_out_formula(method, time):
    x = goldens.hidden(2, time)
    expected = [reference.causal_fourier_mixing(row, 8) for row in x]
    np.testing.assert_allclose(make(method=method)(x), expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("period", [8, 9])
def test_past_the_period_the_waves_repeat(method, period):
    """At 1.5 N and at 3 N, of the whole sequence and step by step."""
    for time in (period * 3 // 2, period * 3):
        x = goldens.hidden(2, time)
        expected = [reference.causal_fourier_mixing(row, period) for row in x]
        layer = make(period, method)
        np.testing.assert_allclose(layer(x), expected, atol=1e-5)
        for chunks in ([1] * time, [5, 1, time - 6], [time]):
            y, _ = extend(layer, x, chunks)
            np.testing.assert_allclose(y, expected, atol=1e-5)


def test_a_step_and_one_a_period_later_sound_alike():
    x = goldens.hidden(1, 20)
    later = x.copy()
    later[:, 11], later[:, 3] = x[:, 3], x[:, 11]  # 8 steps apart
    layer = make()
    np.testing.assert_allclose(layer(x)[:, 11:], layer(later)[:, 11:], atol=1e-5)
    assert not np.allclose(layer(x)[:, 3:11], layer(later)[:, 3:11], atol=1e-2)


def test_long_music_and_chunks_of_64_steps():
    """Products of two positions stay in int32, at the longest period, too."""
    layer = make(46_340, dim=2)
    x = np.random.default_rng(0).normal(size=(1, 47_000, 2)).astype("float32")
    rows = tuple(
        np.split(x @ layer.matrix, [layer.num_cosines], axis=-1)  # as cached
    )
    position = 46_900
    y, update = layer.extend(x[:, position : position + 64], rows, position)
    times, steps = np.arange(position, position + 64), np.arange(47_000)
    turns = np.outer(times, steps) % 46_340 / 46_340
    waves = np.exp(-2j * np.pi * turns) * (steps <= times[:, None])
    expected = (waves @ np.fft.fft(x[0].astype("float64"), axis=-1)).real
    np.testing.assert_allclose(y[0], expected / np.sqrt(times + 1)[:, None], atol=2e-5)
    assert [rows.shape for rows in update] == [(1, 64, 2), (1, 64, 0)]


@pytest.mark.parametrize("method", METHODS)
def test_outputs_have_the_size_of_the_inputs_at_every_step(method):
    layer = make(512, method, dim=64)
    x = np.random.default_rng(0).normal(size=(4, 1024, 64)).astype("float32")
    sizes = np.std(layer(x), axis=(0, 2))
    np.testing.assert_allclose(sizes, np.ones(1024), atol=0.35)
    assert np.mean(sizes) == pytest.approx(1, abs=0.02)


def test_the_chirp_form_leaks_rounding_only():
    layer = make(64, "chirp")
    x = goldens.hidden(1, 64)
    changed = x.copy()
    changed[:, 40] += 1000
    difference = np.abs(layer(changed) - layer(x))
    assert difference[:, 40:].max() > 100
    assert difference[:, :40].max() < 1e-6 * difference.max()


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_gradients_equal_those_of_the_formula(method, jit_compile):
    """The layer is linear: its matrix, from the naive sums of unit inputs."""
    time, dim, period = 6, 4, 4
    units = np.eye(time * dim).reshape(-1, time, dim)
    matrix = [reference.causal_fourier_mixing(unit, period).ravel() for unit in units]
    layer = make(period, method, dim)
    x, upstream = np.random.default_rng(0).normal(size=(2, 1, time, dim))

    @tf.function(jit_compile=jit_compile)
    def gradient(x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.gradient(y, x, upstream)

    found = gradient(tf.constant(x, "float32"), tf.constant(upstream, "float32"))
    expected = np.array(matrix) @ upstream.ravel()
    np.testing.assert_allclose(np.ravel(found), expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_bfloat16_computes_sums_in_what_each_form_needs(method):
    x = goldens.hidden(2, 12)
    exact = make(method=method)(x)
    layer = make(method=method, dtype="mixed_bfloat16")
    function = tf.function(layer.__call__, autograph=False)
    y = function(tf.constant(x))
    assert y.dtype == tf.bfloat16
    assert np.abs(tf.cast(y, "float32") - exact).max() < 0.03 * np.abs(exact).max()
    operations = function.get_concrete_function(tf.constant(x)).graph.get_operations()
    ffts = {op.inputs[0].dtype for op in operations if op.type in ("FFT", "IFFT")}
    assert ffts == ({tf.complex64} if method == "chirp" else set())


@pytest.mark.parametrize("method", METHODS)
def test_a_training_step_has_no_types_that_accelerators_lack(method):
    """Tables are made in float64 and int64, but by numpy: the program has neither."""
    layer = make(method=method)

    @tf.function(jit_compile=True, autograph=False)
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(loss, x)

    x = tf.constant(goldens.hidden(1, 12))
    program = step.experimental_get_compiler_ir(x)(stage="hlo")
    dtypes = set(re.findall(r"\b([a-z]+\d+)\[", program))
    assert "f32" in dtypes
    assert not dtypes & {"f64", "c128", "s64", "u64"}


def test_decoding_uses_no_complex_numbers():
    layer = make()
    cache = layer.init_cache(1, 7)
    function = tf.function(layer.extend, autograph=False)
    x, position = tf.zeros((1, 3, goldens.DIM)), tf.constant(2)
    graph = function.get_concrete_function(x, cache, position).graph
    dtypes = {output.dtype for op in graph.get_operations() for output in op.outputs}
    assert dtypes <= {tf.float32, tf.int32, tf.bool, tf.resource}


def test_the_form_that_is_faster_is_chosen_where_the_length_is_known():
    layer = make(4096)
    assert layer.method_for(256) == "matmul"
    assert layer.method_for(512) == "matmul"
    assert layer.method_for(4096) == "chirp"
    assert layer.method_for(None) == "chirp"
    assert make(4, "chirp").method_for(1) == "chirp"
    assert make(4, "matmul").method_for(None) == "matmul"


def test_cache_is_empty_rows_of_both_sums():
    layer = make(dtype="mixed_bfloat16")
    cache = layer.init_cache(batch_size=5, max_length=7)
    assert [rows.shape for rows in cache] == [(5, 7, 5), (5, 7, 3)]
    assert {rows.dtype for rows in cache} == {tf.bfloat16}
    assert layer.init_cache(1, 1, dtype="float32")[0].dtype == tf.float32
    assert not np.any(cache[0]) and not np.any(cache[1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0,), "period must be in 1 to 46340, got 0"),
        ((46_341,), "period must be in 1 to 46340, got 46341"),
        ((8, "fft"), "method must be one of .*'chirp'.*, got 'fft'"),
    ],
)
def test_errors_at_construction(arguments, message):
    with pytest.raises(ValueError, match=message):
        CausalFourierMixing(*arguments)
