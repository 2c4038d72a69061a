import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tfmusic.export import runtime
from tfmusic.sampling import samplers

logits = st.lists(
    st.one_of(
        st.floats(-5, 5, width=16),
        st.sampled_from([0.0, 1.0, 1e4, -1e4, runtime.MASKED]),
    ),
    min_size=2,
    max_size=12,
)


@given(
    logits=logits,
    uniform=st.floats(0, 1, exclude_max=True, width=32),
    temperature=st.sampled_from([0.0, 1e-9, 1e-3, 0.7, 1.0, 3.0]),
    top_k=st.sampled_from([0, 1, 3, 100]),
    top_p=st.sampled_from([1e-6, 0.3, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.1, 1.0]),
)
@example([1.0, 2.0, 2.0, 2.0], 0.0, 1.0, 0, 1.0, 0.0)  # ties: the lowest id first
@example([1.0, 2.0, 2.0, 2.0], 0.99999994, 1.0, 0, 1.0, 1.0)
@example([2.0, 1e4, 1e4], 0.5, 1e-3, 0, 1.0, 0.0)
@example([runtime.MASKED, 0.0], 0.99999994, 1e-9, 0, 1.0, 0.0)
def test_a_draw_is_the_samplers(logits, uniform, temperature, top_k, top_p, min_p):
    logits = np.array(logits, np.float32)
    uniform = np.float32(uniform)
    settings = (temperature, top_k, top_p, min_p)
    drawn = runtime.sample(logits, uniform, runtime.Sampler(*settings))
    expected = samplers.sample(logits[None], uniform[None], *settings)
    if drawn != int(expected[0]):
        # Two libraries' exponentials may differ by a rounding; then a uniform that
        # lies on the border of two ids is drawn as either.
        around = np.clip(uniform + np.float32([-1e-6, 1e-6]), 0, np.float32(0.9999999))
        near = [samplers.sample(logits[None], u[None], *settings) for u in around]
        assert drawn in [int(ids[0]) for ids in near]


@given(logits=logits, penalty=st.sampled_from([0.5, 1.0, 1.3]), data=st.data())
def test_the_repetition_penalty_is_the_samplers(logits, penalty, data):
    size = len(logits)
    seen = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    logits = np.array(logits, np.float32)
    np.testing.assert_array_equal(
        runtime.penalize_repetition(logits, seen, penalty),
        samplers.penalize_repetition(logits, seen, np.float32(penalty)),
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"repetition_penalty": 0.0},
    ],
)
def test_wrong_settings_are_named_as_the_sampler_names_them(settings):
    (name,) = settings
    for sampler in (runtime.Sampler, samplers.Sampler):
        with pytest.raises(ValueError, match=name):
            sampler(**settings)
    assert runtime.Sampler() == runtime.Sampler(**vars(samplers.Sampler()))
