"""Variations of ids against the same done with numpy, step by step."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import TOKENIZER
from tfmusic.datasets.augment import STRETCHES, Augmentation, Augmenter
from tfmusic.errors import UserError
from tfmusic.tokenizers import PAD, TOKENIZERS, get_tokenizer

PERFORMANCE = get_tokenizer("performance")
SHIFT, SHIFT_STOP = PERFORMANCE.vocabulary.span("TIME_SHIFT")
VELOCITY, VELOCITY_STOP = PERFORMANCE.vocabulary.span("VELOCITY")
NOTE = PERFORMANCE.vocabulary.span("NOTE_ON")[0]


def event(name, value):
    return PERFORMANCE.vocabulary.encode(name, value)


def augmenter(**options):
    return Augmenter(Augmentation(**options), PERFORMANCE)


def stretch(tokens, factor, length):
    """Tokens of one window, stretched."""
    variation = augmenter(stretches=(factor,)).draw(
        tf.zeros([1], tf.int32), tf.zeros([1], tf.int32), tf.zeros([3, 1])
    )
    tokens = tf.constant([tokens], tf.int32)
    return augmenter(stretches=(factor,)).vary(tokens, variation, length)[0].numpy()


def naive_stretch(tokens, factor):
    """The same in a loop, as long as it gets."""
    out, time, written = [], 0, 0
    for token in tokens:
        if token == PAD:
            continue
        if SHIFT <= token < SHIFT_STOP:
            time += token - SHIFT + 1
            continue
        now = int(np.floor(np.float32(time) * np.float32(factor) + 0.5))
        while now - written > 100:
            out.append(SHIFT + 99)
            written += 100
        if now > written:
            out.append(SHIFT + now - written - 1)
            written = now
        out.append(token)
    return out


def test_a_stretch_by_hand():
    tokens = [
        event("NOTE_ON", 60),
        event("TIME_SHIFT", 100),
        event("TIME_SHIFT", 98),
        event("NOTE_OFF", 60),
        event("TIME_SHIFT", 1),
        event("NOTE_ON", 62),
    ]
    assert stretch(tokens, 1.05, 6).tolist() == [
        event("NOTE_ON", 60),
        event("TIME_SHIFT", 100),  # 198 steps become 207.9
        event("TIME_SHIFT", 100),
        event("TIME_SHIFT", 8),
        event("NOTE_OFF", 60),
        event("TIME_SHIFT", 1),  # 199 become 208.95
    ]
    assert stretch(tokens, 0.5, 6).tolist() == [
        event("NOTE_ON", 60),
        event("TIME_SHIFT", 99),
        event("NOTE_OFF", 60),
        event("TIME_SHIFT", 1),  # 99.5 is rounded up
        event("NOTE_ON", 62),
        PAD,
    ]


tokens_of_windows = st.lists(
    st.one_of(
        st.integers(SHIFT, SHIFT_STOP - 1),
        st.just(SHIFT_STOP - 1),
        st.integers(NOTE, NOTE + 20),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(tokens_of_windows, st.sampled_from(STRETCHES + (0.5, 2.0)), st.integers(0, 5))
def test_a_stretch_is_that_of_a_loop(tokens, factor, padding):
    expected = np.array(naive_stretch(tokens, factor) + [PAD] * 80)
    if factor == 1.0:  # ids are left alone, whatever they are
        expected = np.array(tokens + [PAD] * padding)
    tokens = tokens + [PAD] * padding
    found = stretch(tokens, factor, len(tokens))
    np.testing.assert_array_equal(found, expected[: len(tokens)])


def test_the_source_is_long_enough_for_a_stretched_window():
    generator = np.random.default_rng(0)
    for factor in STRETCHES:
        wanted = 512
        size = augmenter(stretches=(factor, 1.0)).source_length(wanted)
        for longest in (2, 20, 100):  # the shorter, the more of them are lost
            tokens = generator.integers(NOTE, NOTE + 88, size)
            tokens[::2] = generator.integers(SHIFT, SHIFT + longest, len(tokens[::2]))
            assert (stretch(tokens.tolist(), factor, wanted) != PAD).all()


def test_velocities_move_together_as_far_as_they_have_room():
    soft, loud = event("VELOCITY", 3), event("VELOCITY", 30)
    tokens = tf.constant([[soft, NOTE, loud], [loud, NOTE, PAD], [NOTE, NOTE, PAD]])
    varied = augmenter(velocity=9)
    for shift, first, second in ((5, 2, 2), (-5, -2, -5), (0, 0, 0)):
        moved = varied._shift_velocities(tokens, tf.fill([3], shift)).numpy()
        assert moved.tolist() == [
            [soft + first, NOTE, loud + first],
            [loud + second, NOTE, PAD],
            [NOTE, NOTE, PAD],
        ]


def test_draws_cover_all_choices_and_nothing_else():
    options = Augmentation(2, (0.95, 1.0, 1.05), 1)
    chance = tf.random.stateless_uniform([3, 600], [0, 0])
    chance = tf.concat([chance, tf.fill([3, 1], 1 - 2.0**-24)], axis=1)
    low, high = tf.fill([601], -2), tf.fill([601], 1)
    variation = Augmenter(options, PERFORMANCE).draw(low, high, chance)
    assert set(variation.semitones.numpy()) == {-2, -1, 0, 1}
    assert set(variation.velocity.numpy()) == {-1, 0, 1}
    assert set(np.round(variation.stretch.numpy(), 3)) == {
        np.float32(factor) for factor in (0.95, 1.0, 1.05)
    }


def test_transposition_moves_on_and_off_and_nothing_else():
    tokens = [event(*pair) for pair in (("NOTE_ON", 60), ("NOTE_OFF", 64))]
    tokens += [event("TIME_SHIFT", 7), event("VELOCITY", 9), PAD]
    moved = augmenter(transpose=3).transpose(tf.constant([tokens]), tf.constant([2]))
    expected = [tokens[0] + 2, tokens[1] + 2, *tokens[2:]]
    assert moved.numpy().tolist() == [expected]


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_transposition_is_the_tokenizer_s_own(name):
    options = {"chords": True, "drums": True} if name == "remi" else {}
    tokenizer = get_tokenizer(name, **options)
    ids = np.arange(tokenizer.vocabulary.size, dtype=np.int32)
    semitones = [-127, -5, -1, 0, 1, 7, 127]
    rows = np.stack([tokenizer.transposed(number) for number in semitones])
    tokens = tf.tile(ids[np.newaxis], [len(semitones), 1])
    varied = Augmenter(Augmentation(), tokenizer)
    moved = varied.transpose(tokens, tf.constant(semitones))
    np.testing.assert_array_equal(moved, rows)
    each = np.random.default_rng(0).integers(len(semitones), size=(2, len(ids)))
    moved = varied.transpose(tokens[:2], tf.gather(semitones, each))
    np.testing.assert_array_equal(moved, rows[each, ids])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"stretches": (0.95, 1.0)}, "no tokens of time"),
        ({"velocity": 1}, "no velocities"),
    ],
)
def test_what_a_tokenizer_has_no_ids_for_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        Augmenter(Augmentation(**options), TOKENIZER)


@pytest.mark.parametrize("stretches", [(), (0.1,), (-1.0, 1.0)])
def test_a_wrong_stretch_is_refused(stretches):
    with pytest.raises(UserError, match="give factors"):
        augmenter(stretches=stretches)
