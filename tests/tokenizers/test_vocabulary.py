import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.tokenizers.vocabulary import BOS, EOS, PAD, EventRange, Vocabulary


def piano():
    return Vocabulary(
        [
            EventRange("NOTE_ON", 21, 108),
            EventRange("NOTE_OFF", 21, 108),
            EventRange("TIME_SHIFT", 1, 100),
        ]
    )


def test_ids_are_offsets_after_the_special_ones():
    vocabulary = piano()
    assert (PAD, EOS, BOS) == (0, 1, 2)
    assert vocabulary.encode("NOTE_ON", 21) == 3  # the lowest key, A0
    assert vocabulary.encode("NOTE_ON", 60) == 42  # middle C
    assert vocabulary.encode("NOTE_OFF", 21) == 91  # 88 keys later
    assert vocabulary.encode("TIME_SHIFT", 100) == 278
    assert vocabulary.size == 279
    assert vocabulary.span("NOTE_OFF") == (91, 179)


def test_decode_names_the_event():
    assert piano().decode(42) == ("NOTE_ON", 60)
    assert piano().decode(np.int32(179)) == ("TIME_SHIFT", 1)


@pytest.mark.parametrize("token", [PAD, EOS, BOS, -1, -100, 279, 10**9])
def test_special_and_unknown_ids_decode_to_none(token):
    assert piano().decode(token) is None


def test_arrays_are_encoded_elementwise():
    ids = piano().encode("NOTE_ON", np.array([[21, 60], [108, 22]]))
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, [[3, 42], [90, 4]])


@pytest.mark.parametrize("value", [20, 109, np.array([60, 109])])
def test_values_outside_the_range_are_errors(value):
    with pytest.raises(ValueError, match=r"NOTE_ON (20|109) is outside 21\.\.108"):
        piano().encode("NOTE_ON", value)


def test_malformed_ranges_are_errors():
    with pytest.raises(ValueError, match="empty"):
        EventRange("PITCH", 60, 59)
    with pytest.raises(ValueError, match="two ranges are named PITCH"):
        Vocabulary([EventRange("PITCH", 0, 1), EventRange("PITCH", 2, 3)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 20)), max_size=5))
def test_every_id_has_one_event_and_back(bounds):
    vocabulary = Vocabulary(
        [
            EventRange(f"EVENT_{index}", low, low + size - 1)
            for index, (low, size) in enumerate(bounds)
        ]
    )
    events = [vocabulary.decode(token) for token in range(3, vocabulary.size)]
    assert len(set(events)) == sum(size for _, size in bounds)
    assert [vocabulary.encode(*event) for event in events] == [
        *range(3, vocabulary.size)
    ]


def test_json_round_trip():
    vocabulary = Vocabulary.from_dict(json.loads(json.dumps(piano().to_dict())))
    assert vocabulary.ranges == piano().ranges
    assert vocabulary.size == piano().size
