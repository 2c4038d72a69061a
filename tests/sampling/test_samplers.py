"""Samplers against a naive numpy version, and by the frequencies of their draws."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.sampling import Sampler, penalize_repetition, sample
from tfmusic.sampling.samplers import MASKED

# Even steps through [0, 1): each token is drawn as often as its probability says.
GRID = ((np.arange(1000) + 0.5) / 1000).astype(np.float32)


def naive_probabilities(logits, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    """The distribution that is drawn from, token by token in float64: [V]."""
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        order = order[:1]
    weights = {
        i: np.exp((logits[i] - logits[order[0]]) / (temperature or 1.0)) for i in order
    }
    total = sum(weights.values())
    kept, mass = {}, 0.0
    for rank, i in enumerate(order):
        p = weights[i] / total
        if (top_k and rank >= top_k) or mass >= top_p:
            break
        if p < min_p * weights[order[0]] / total:
            break
        kept[i] = p
        mass += p
    return np.array([kept.get(i, 0) / mass for i in range(len(logits))])


def frequencies(logits, draw=sample, **options):
    """How often each token is drawn over the grid: [V]."""
    logits = np.tile(np.float32(logits), (len(GRID), 1))
    ids = np.asarray(draw(logits, GRID, **options))
    assert ids.dtype == np.int32 and ids.shape == GRID.shape
    return np.bincount(ids, minlength=logits.shape[1]) / len(GRID)


OPTIONS = [
    {},
    {"temperature": 0.5},
    {"temperature": 2.0},
    {"temperature": 0.0},
    {"top_k": 1},
    {"top_k": 3},
    {"top_k": 100},
    {"top_p": 0.6},
    {"top_p": 0.95, "temperature": 1.5},
    {"min_p": 0.2},
    {"min_p": 1.0},
    {"top_k": 5, "top_p": 0.9, "min_p": 0.05, "temperature": 0.8},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_frequencies_are_those_of_the_naive_sampler(options):
    logits = np.random.default_rng(0).normal(0, 2, 12)
    expected = naive_probabilities(logits, **options)
    found = frequencies(logits, **options)
    # A token's share of an even grid is off by one point at each end.
    np.testing.assert_allclose(found, expected, atol=2 / len(GRID))
    assert not found[expected == 0].any()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.1, 1.0, 5.0]),
    temperature=st.floats(0.1, 3.0),
    top_k=st.integers(0, 8),
    top_p=st.floats(0.05, 1.0),
    min_p=st.floats(0.0, 0.9),
)
def test_any_setting_draws_from_the_naive_distribution(
    seed, scale, temperature, top_k, top_p, min_p
):
    logits = np.random.default_rng(seed).normal(0, scale, 7)
    options = dict(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    np.testing.assert_allclose(
        frequencies(logits, **options),
        naive_probabilities(logits, **options),
        atol=2 / len(GRID),
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_xla_and_tensors_for_settings_draw_the_same(options):
    logits = np.random.default_rng(1).normal(0, 2, 12)
    full = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0} | options
    tensors = {name: tf.constant(value) for name, value in full.items()}
    compiled = tf.function(sample, jit_compile=True)
    np.testing.assert_allclose(
        frequencies(logits, draw=compiled, **tensors),
        frequencies(logits, **options),
        atol=1 / len(GRID),
    )


def test_greedy_takes_the_lowest_id_of_equal_logits():
    logits = np.float32([[1, 3, 3, 0], [2, 2, 2, 2], [0, 0, 0, 5]])
    uniforms = np.float32([0.99, 0.99, 0.0])
    for jit_compile in (False, True):
        draw = tf.function(sample, jit_compile=jit_compile)
        assert draw(logits, uniforms, temperature=0.0).numpy().tolist() == [1, 0, 3]
        assert draw(logits, uniforms, top_k=1).numpy().tolist() == [1, 0, 3]
        assert draw(logits, uniforms, top_p=1e-6).numpy().tolist() == [1, 0, 3]


def test_equal_logits_are_ordered_by_id():
    logits = np.zeros([4, 4], np.float32)
    uniforms = np.float32([0.1, 0.3, 0.6, 0.9])
    assert np.asarray(sample(logits, uniforms)).tolist() == [0, 1, 2, 3]
    assert np.asarray(sample(logits, uniforms, top_k=2)).tolist() == [0, 0, 1, 1]


def test_the_token_that_crosses_top_p_is_kept():
    logits = np.log([0.5, 0.3, 0.15, 0.05])
    found = frequencies(logits, top_p=0.6)
    np.testing.assert_allclose(found, [5 / 8, 3 / 8, 0, 0], atol=2e-3)


@pytest.mark.parametrize("scale", [1e4, -1e4, 1e30])
@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1.0])
def test_extreme_logits_draw_the_largest(scale, temperature):
    logits = np.float32([0.1, 0.5, 0.9, 0.3]) * np.float32(scale)
    expected = np.eye(4)[logits.argmax()]
    assert (frequencies(logits, temperature=temperature) == expected).all()


def test_equal_extreme_logits_stay_even():
    found = frequencies([1e4, 1e4, -1e4], temperature=1e-3)
    np.testing.assert_allclose(found, [0.5, 0.5, 0])


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24, 1.0])
def test_a_masked_token_is_never_drawn(uniform):
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, [200, 50]).astype(np.float32)
    allowed = rng.random(logits.shape) < 0.3
    logits = np.where(allowed, logits, MASKED).astype(np.float32)
    uniforms = np.full(200, uniform, np.float32)
    for jit_compile in (False, True):
        ids = tf.function(sample, jit_compile=jit_compile)(logits, uniforms).numpy()
        assert allowed[np.arange(200), ids].all()


def test_half_precision_logits_are_sampled_in_float32():
    logits = tf.cast([[60000.0, 60000.0, 0.0]], tf.float16)
    assert int(sample(logits, [0.7], temperature=0.001)[0]) == 1


def test_repetition_penalty_moves_seen_tokens_down():
    logits = np.float32([[2, 2, -2, -2]])
    seen = np.array([[True, False, True, False]])
    found = np.asarray(penalize_repetition(logits, seen, 2.0))
    assert found.tolist() == [[1, 2, -4, -2]]
    assert np.asarray(penalize_repetition(logits, seen, 1.0)).tolist() == [
        [2, 2, -2, -2]
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": -1},
        {"top_k": 1.5},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"min_p": 1.1},
        {"repetition_penalty": 0.0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"^{name} must be "):
        Sampler(**options)
