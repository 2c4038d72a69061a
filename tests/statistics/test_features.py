import dataclasses

import numpy as np
import pytest

from tests.statistics.notes import make_melody, make_notes
from tfmusic.music.note_arrays import add_notes
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.statistics.features import (
    FEATURES,
    note_features,
    polyphony,
    sequence_features,
)

NAMES = {feature.name: feature for feature in FEATURES}


def by_class(name, values):
    """A histogram's shares that are not 0, by the name of the class."""
    pairs = zip(NAMES[name].classes, values[name].tolist(), strict=True)
    return {label: share for label, share in pairs if share}


# C major for a second, then its C alone, after a second of silence, for half a second.
CHORD = make_notes([(60, 0, 1), (64, 0, 1), (67, 0, 1), (72, 2, 2.5)])


def test_pitches():
    values = note_features(CHORD)
    assert by_class("pitch_classes", values) == {"C": 0.5, "E": 0.25, "G": 0.25}
    assert values["pitch_range"] == [12]
    third = pytest.approx(1 / 3)
    assert by_class("pitch_intervals", values) == {
        "+4": third,
        "+3": third,
        "+5": third,
    }


def test_wide_intervals_share_a_class():
    values = note_features(make_melody([60, 80, 60, 59]))
    third = pytest.approx(1 / 3)
    assert by_class("pitch_intervals", values) == {
        "+12+": third,
        "-12-": third,
        "-1": third,
    }


def test_times():
    values = note_features(CHORD, num_bars=1.25)
    assert values["notes_per_second"] == pytest.approx(4 / 2.5)
    assert values["notes_per_bar"] == pytest.approx(4 / 1.25)
    assert values["mean_note_length"] == pytest.approx(3.5 / 4)
    assert by_class("note_lengths", values) == {"1": 0.75, "0.5": 0.25}
    intervals = by_class("inter_onset_intervals", values)
    assert intervals == {"0.016": pytest.approx(2 / 3), "2": pytest.approx(1 / 3)}


def test_how_many_sound():
    values = note_features(CHORD)
    assert values["mean_polyphony"] == pytest.approx(3.5 / 2.5)
    assert by_class("polyphony", values) == pytest.approx(
        {"3": 1 / 2.5, "0": 1 / 2.5, "1": 0.5 / 2.5}
    )


def test_many_at_a_time_share_a_class():
    notes = make_notes([(pitch, 0, 1) for pitch in range(40, 60)])
    assert polyphony(notes)[-1] == 1.0


def test_repetition():
    values = note_features(make_melody(list(range(60, 68)) * 2))
    assert values["repetition"] == pytest.approx(1 / 9)


def test_drums_have_no_pitch():
    values = note_features(make_notes([(36, 0), (42, 0.5)], is_drum=True))
    for name in ("pitch_classes", "pitch_range", "pitch_intervals"):
        assert np.isnan(values[name]).all()
    assert values["notes_per_second"] == pytest.approx(2 / 0.75)


@pytest.mark.parametrize("rows", [[], [(60, 1.0, 1.0)], [(60, 1.0, 0.5)]])
def test_too_little_music_is_not_a_number(rows):
    values = note_features(make_notes(rows))
    assert list(values) == list(NAMES)
    for name in ("notes_per_second", "notes_per_bar", "polyphony", "repetition"):
        assert np.isnan(values[name]).all()


def test_every_value_has_a_class_and_histograms_sum_to_one():
    values = note_features(make_melody(list(range(60, 70))), num_bars=2)
    for feature in FEATURES:
        assert values[feature.name].shape == (max(1, len(feature.classes)),)
        if feature.is_histogram:
            assert values[feature.name].sum() == pytest.approx(1)


def test_where_it_begins_does_not_matter():
    later = dataclasses.replace(CHORD, start=CHORD.start + 9, end=CHORD.end + 9)
    for first, second in zip(
        note_features(CHORD).values(), note_features(later).values(), strict=True
    ):
        np.testing.assert_allclose(first, second)


def test_a_sequence_has_bars_by_its_time_signature():
    sequence = NoteSequence()
    add_notes(sequence, make_melody([60, 62, 64, 65], seconds=0.5))
    assert np.isnan(sequence_features(sequence)["notes_per_bar"]).all()
    sequence.time_signatures.add(numerator=2, denominator=4)
    assert sequence_features(sequence)["notes_per_bar"] == pytest.approx(2)
    assert np.isnan(sequence_features(NoteSequence())["pitch_range"]).all()
