import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfmusic.datasets.melody_kinship import find_groups, passages


def random_melody(seed, length=40):
    return np.random.default_rng(seed).integers(55, 80, length)


@given(semitones=st.integers(-12, 12), shift=st.integers(0, 30))
def test_transposed_and_shifted_copies_are_kin(semitones, shift):
    melody = random_melody(0)
    copy = np.concatenate([random_melody(1, shift), melody + semitones])
    melodies = {"copy": copy, "other": random_melody(2), "melody": melody}
    assert find_groups(melodies) == [["copy", "melody"], ["other"]]


def test_sixteen_notes_make_kin_and_fifteen_do_not():
    for length, groups in ((16, [["a", "b"]]), (15, [["a"], ["b"]])):
        melody, other = random_melody(0), random_melody(1)
        other[3 : 3 + length] = melody[9 : 9 + length] + 2
        assert find_groups({"a": melody, "b": other}) == groups


def test_a_short_melody_is_kin_to_its_copies_alone():
    melodies = {"a": [60, 62, 64], "b": [65, 67, 69], "c": [60, 62, 64, 65], "d": [60]}
    melodies = {name: np.array(pitch) for name, pitch in melodies.items()}
    assert find_groups(melodies) == [["a", "b"], ["c"], ["d"]]


def test_passages_are_the_intervals_in_a_window():
    melody = random_melody(0, 20)
    intervals = [b - a for a, b in zip(melody[:-1], melody[1:], strict=True)]
    expected = {tuple(intervals[i : i + 15]) for i in range(5)}
    found = {tuple(np.frombuffer(passage, np.int8)) for passage in passages(melody)}
    assert found == expected
