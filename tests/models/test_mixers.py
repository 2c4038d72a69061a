"""What every token mixer must hold to, by the names of a model's config."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tfmusic.config import ModelConfig
from tfmusic.errors import UserError
from tfmusic.layers import (
    CausalMultiHeadAttention,
    RelativeGlobalAttention,
    apply_update,
)
from tfmusic.models.mixers import ENCODER_MIXERS, MIXERS, make_mixers

TIME = 12
CONFIG = ModelConfig(
    vocabulary_size=11,
    num_layers=1,
    num_heads=2,
    hidden_dim=goldens.DIM,
    intermediate_dim=12,
    max_length=16,
    max_distance=5,
    mixer_options={"fourier_convolution": {"period": 8, "windows": [2, 9]}},
)


@pytest.fixture(scope="module", params=sorted(MIXERS))
def mixer(request):
    (mixer,) = make_mixers(dataclasses.replace(CONFIG, mixer=request.param), "float32")
    mixer.build((None, None, goldens.DIM))
    goldens.shake(mixer)
    return mixer


@pytest.fixture(scope="module")
def x():
    return goldens.hidden(2, TIME)


@pytest.fixture(scope="module")
def whole(mixer, x):
    return mixer(x).numpy()


def extend(mixer, x, chunks, num_rows, cache=None):
    """The sequence in chunks: `[B, T, D]` and the cache in the end."""
    if cache is None:
        cache = mixer.init_cache(len(x), num_rows)
    parts, position = [], 0
    for size in chunks:
        part, update = mixer.extend(x[:, position : position + size], cache, position)
        cache = apply_update(cache, update, position, mixer.cache_kinds)
        parts.append(part)
        position += size
    return np.concatenate(parts, axis=1), cache


def test_causality_is_exact(mixer, x):
    """Row t differs at step t alone; all before it comes out bit by bit the same."""
    same = np.repeat(x[:1], TIME, axis=0)
    changed = same.copy()
    changed[np.arange(TIME), np.arange(TIME)] += goldens.hidden(1, 1)[0]
    before, after = mixer(same).numpy(), mixer(changed).numpy()
    for step in range(TIME):
        np.testing.assert_array_equal(after[step, :step], before[step, :step])
        # Some number of each: a Fourier sum weighs single ones with a zero.
        assert np.all(np.any(after[step, step:] != before[step, step:], axis=-1))


@pytest.mark.parametrize(
    "chunks", [[1] * TIME, [TIME], [5, 1, 1, 4, 1], [2, 3, 7]], ids=str
)
@pytest.mark.parametrize("num_rows", [TIME, 2 * TIME])
def test_steps_with_a_cache_equal_the_whole(mixer, x, whole, chunks, num_rows):
    y, _ = extend(mixer, x, chunks, num_rows)
    np.testing.assert_allclose(y, whole, atol=1e-5)


def test_rows_that_are_not_filled_make_no_difference(mixer, x):
    """As after the oldest music was dropped, when old rows stand behind the new."""
    _, cache = extend(mixer, x, [TIME], TIME)
    stale = tuple(
        tensor * 100 if kind == "rows" else empty
        for tensor, empty, kind in zip(
            cache, mixer.init_cache(len(x), TIME), mixer.cache_kinds, strict=True
        )
    )
    over_stale, _ = extend(mixer, x, [4, 1, 1], TIME, stale)
    over_empty, _ = extend(mixer, x, [4, 1, 1], TIME)
    np.testing.assert_array_equal(over_stale, over_empty)


def test_cache_and_update_have_the_shapes_that_their_kinds_say(mixer, x):
    cache = mixer.init_cache(2, 7)
    _, update = mixer.extend(x[:, :3], cache, 0)
    for kind, old, new in zip(mixer.cache_kinds, cache, update, strict=True):
        assert kind in ("rows", "state")
        if kind == "rows":
            assert (old.shape[-2], new.shape[-2]) == (7, 3)
            assert old.shape[:-2] == new.shape[:-2] and old.shape[-1] == new.shape[-1]
        else:
            assert old.shape == new.shape


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_one_graph_serves_every_position(mixer, x, whole, size, jit_compile):
    @tf.function(jit_compile=jit_compile, autograph=False)
    def chunk(x, cache, position):
        y, update = mixer.extend(x, cache, position)
        kinds = mixer.cache_kinds
        return y, apply_update(cache, update, position, kinds, jit_compile)

    cache = mixer.init_cache(2, TIME + 2)
    for position in range(0, TIME, size):
        part = slice(position, position + size)
        y, cache = chunk(x[:, part], cache, tf.constant(position))
        np.testing.assert_allclose(y, whole[:, part], atol=1e-5)
    assert chunk.experimental_get_tracing_count() == 1
    if jit_compile:  # and compiled once: the position is no constant to XLA
        hlo = chunk.experimental_get_compiler_ir(x[:, :size], cache, tf.constant(0))
        assert "s32[] parameter(" in hlo()


def test_a_name_for_all_layers_or_one_for_each():
    config = dataclasses.replace(CONFIG, num_layers=2, mixer="causal")
    assert [type(m) for m in make_mixers(config, "float32")] == (
        [CausalMultiHeadAttention] * 2
    )
    config = dataclasses.replace(config, mixer=("causal", "relative_global"))
    assert [type(m) for m in make_mixers(config, "float32")] == [
        CausalMultiHeadAttention,
        RelativeGlobalAttention,
    ]


def test_a_configs_sizes_and_what_follows_where_they_are_left_out():
    (mixer,) = make_mixers(CONFIG, "mixed_bfloat16")
    assert (mixer.num_heads, mixer.key_dim, mixer.max_distance) == (2, 4, 5)
    assert (mixer.dropout, mixer.use_bias) == (0.0, True)
    assert mixer.dtype_policy.name == "mixed_bfloat16"
    config = dataclasses.replace(
        CONFIG,
        key_dim=3,
        max_distance=None,
        attention_dropout=0.25,
        attention_bias=False,
    )
    (mixer,) = make_mixers(config, "float32")
    assert (mixer.num_heads, mixer.key_dim, mixer.max_distance) == (2, 3, 16)
    assert (mixer.dropout, mixer.use_bias) == (0.25, False)


def test_options_of_a_mixer_replace_what_follows_from_the_config():
    options = {"relative_global": {"max_distance": 3}, "causal": {"key_dim": 7}}
    config = dataclasses.replace(CONFIG, mixer_options=options)
    (mixer,) = make_mixers(config, "float32")
    assert (mixer.max_distance, mixer.key_dim) == (3, 4)


@pytest.mark.parametrize(
    "options, message",
    [({"heads": 3}, "Unrecognized .*heads"), ({"max_distance": 0}, "at least 1")],
)
def test_options_that_a_mixer_refuses(options, message):
    config = dataclasses.replace(CONFIG, mixer_options={"relative_global": options})
    with pytest.raises(UserError, match=f"mixer 'relative_global': .*{message}"):
        make_mixers(config, "float32")


@pytest.mark.parametrize("name", sorted(ENCODER_MIXERS))
def test_encoders_mixers_see_what_follows_and_decoders_refuse_them(name, x):
    config = dataclasses.replace(CONFIG, mixer=name, mixer_options={})
    (mixer,) = make_mixers(config, "float32", causal=False)
    assert not mixer.causal
    changed = x.copy()
    changed[:, -1] += 1
    assert np.any(mixer(x)[:, :-1] != mixer(changed)[:, :-1])
    with pytest.raises(ValueError, match=f"mixer '{name}' is not causal.* one of"):
        make_mixers(config, "float32")


def test_an_encoder_knows_its_own_names_alone():
    config = dataclasses.replace(CONFIG, mixer="causal", mixer_options={})
    with pytest.raises(ValueError, match="unknown mixer 'causal'; known: .*'full'"):
        make_mixers(config, "float32", causal=False)


@pytest.mark.parametrize(
    "mixer, message",
    [
        ("recurrent", r"unknown mixer 'recurrent'; known: .*'causal'"),
        (("causal", "causal"), "2 mixers for 1 layers"),
        ((), "0 mixers for 1 layers"),
    ],
)
def test_errors_say_what_was_expected(mixer, message):
    with pytest.raises(ValueError, match=message):
        make_mixers(dataclasses.replace(CONFIG, mixer=mixer), "float32")
