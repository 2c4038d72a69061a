import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfmusic.tokenizers.pairing import order_shifts, pair_notes

# (what happens, pitch); "other" is an event that is no note's.
events = st.lists(
    st.tuples(st.sampled_from(["on", "on", "off", "off", "other"]), st.integers(0, 2)),
    max_size=40,
)


def naive_pairs(happenings):
    """The rule, event by event."""
    sounding, pairs, num_unmatched = {}, [], 0
    for place, (kind, pitch) in enumerate(happenings):
        if kind == "on":
            sounding.setdefault(pitch, []).append(place)
        elif kind == "off" and sounding.get(pitch):
            pairs.append((sounding[pitch].pop(0), place))
        elif kind == "off":
            num_unmatched += 1
    for places in sounding.values():
        pairs += [(place, len(happenings)) for place in places]
    return sorted(pairs), num_unmatched


@given(events)
def test_pairs_follow_the_rule(happenings):
    number = np.array([128 + pitch for _, pitch in happenings], np.int64)
    kinds = np.array([kind for kind, _ in happenings], object)
    on, off, num_unmatched = pair_notes(number, kinds == "on", kinds == "off")
    pairs, expected = naive_pairs(happenings)
    assert list(zip(on.tolist(), off.tolist(), strict=True)) == pairs
    assert num_unmatched == expected


def test_shifts_count_from_the_start_of_each_step():
    steps = np.array([0, 0, 0, 7, 7])
    later = np.array([False, True, True, True, True])
    shifts = order_shifts(steps, later)
    np.testing.assert_allclose(shifts, [0, 1e-4, 2e-4, 0, 1e-4], rtol=0, atol=1e-12)


def test_shifts_stay_in_their_step():
    shifts = order_shifts(np.zeros(20_000, np.int64), np.ones(20_000, bool))
    assert shifts.max() == 0.4
