import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmusic.music.note_sequence import NoteSequence
from tfmusic.tokenizers.key import (
    MAJOR_PROFILE,
    MINOR_PROFILE,
    estimate_key,
    semitones_to_c,
)

C_MAJOR = [4, 0, 2, 0, 3, 2, 0, 4, 0, 2, 0, 1]  # C D E F G A B
A_MINOR = [3, 0, 2, 0, 4, 1, 0, 1, 1, 5, 0, 2]  # the same and G sharp, A above all


@pytest.mark.parametrize("tonic", range(12))
def test_keys_are_found_in_every_transposition(tonic):
    assert estimate_key(np.roll(C_MAJOR, tonic)) == (tonic, "MAJOR")
    assert estimate_key(np.roll(A_MINOR, tonic - 9)) == (tonic, "MINOR")


@given(st.lists(st.integers(0, 20), min_size=12, max_size=12))
def test_the_estimate_is_the_best_correlation(durations):
    if len(set(durations)) == 1:
        return
    scores = {
        (tonic, mode): np.corrcoef(durations, np.roll(profile, tonic))[0, 1]
        for mode, profile in (("MAJOR", MAJOR_PROFILE), ("MINOR", MINOR_PROFILE))
        for tonic in range(12)
    }
    estimate = estimate_key(durations)
    assert scores[estimate] == pytest.approx(max(scores.values()), abs=1e-9)
    assert estimate_key(np.array(durations) + 7) == estimate


def test_silence_and_the_whole_scale_are_c_major():
    assert estimate_key(np.zeros(12)) == (0, "MAJOR")
    assert estimate_key(np.ones(12)) == (0, "MAJOR")


def sequence_in(*keys):
    sequence = NoteSequence()
    for time, key, mode in keys:
        sequence.key_signatures.add(
            time=time,
            key=sequence.KeySignature.Key.Value(key),
            mode=sequence.KeySignature.Mode.Value(mode),
        )
    return sequence


@pytest.mark.parametrize(
    ("key", "mode", "semitones"),
    [
        ("C", "MAJOR", 0),
        ("D", "MAJOR", -2),
        ("G", "MAJOR", 5),  # up to the next C
        ("F_SHARP", "MAJOR", -6),
        ("B_FLAT", "MAJOR", 2),
        ("A", "MINOR", 0),
        ("E", "MINOR", 5),
        ("E_FLAT", "MINOR", -6),
        ("G", "DORIAN", -5),
        ("D", "MIXOLYDIAN", 5),
    ],
)
def test_a_key_signature_tells_the_way(key, mode, semitones):
    assert semitones_to_c(sequence_in((0, key, mode)), np.zeros(12)) == semitones


def test_the_first_key_signature_counts():
    sequence = sequence_in((8, "D", "MAJOR"), (0, "E_FLAT", "MAJOR"))
    assert semitones_to_c(sequence, np.zeros(12)) == -3


def test_a_key_signature_without_mode_leaves_it_to_the_notes():
    sequence = sequence_in((0, "D", "NOT_SPECIFIED"))
    assert semitones_to_c(sequence, np.roll(A_MINOR, 1)) == -1
