import json

import numpy as np
import pytest

from tests.statistics.notes import make_melody
from tfmusic.statistics.comparison import (
    compare,
    distances_between,
    distances_within,
)
from tfmusic.statistics.features import FEATURES, note_features


def random_pieces(count, seed, lowest=60, seconds=0.25):
    generator = np.random.default_rng(seed)
    pieces = []
    for _ in range(count):
        pitches = lowest + np.cumsum(generator.integers(-2, 3, 60)) % 24
        pieces.append(
            note_features(make_melody(pitches, seconds * generator.uniform(0.8, 1.2)))
        )
    return pieces


def by_name(comparisons):
    return {comparison.feature.name: comparison for comparison in comparisons}


def test_distances():
    values = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    np.testing.assert_allclose(distances_within(values), [5, 1, np.sqrt(18)])
    np.testing.assert_allclose(
        distances_between(values[:2], values[2:]), [1, np.sqrt(18)]
    )
    assert distances_within(values[:1]).shape == (0,)


def test_music_of_one_kind_is_alike():
    compared = by_name(compare(random_pieces(40, 0), random_pieces(40, 1)))
    assert "notes_per_bar" not in compared  # there is no meter
    assert len(compared) == len(FEATURES) - 1
    for name in ("notes_per_second", "pitch_classes", "pitch_intervals"):
        report = compared[name].report()
        assert report["overlap_area"] > 0.85, name
        assert report["kl_divergence"] < 0.3, name
        assert report["real_halves"]["overlap_area"] > 0.8, name


def test_slower_music_is_not():
    generated, real = random_pieces(20, 0, seconds=2), random_pieces(20, 1)
    compared = by_name(compare(generated, real))
    report = compared["notes_per_second"].report()
    assert report["generated"]["mean"] == pytest.approx(0.5, abs=0.1)
    assert report["real"]["mean"] == pytest.approx(4, abs=0.5)
    assert report["overlap_area"] < 0.01
    assert report["kl_divergence"] > 5
    assert compared["note_lengths"].report()["difference"] == pytest.approx(1)
    assert compared["pitch_intervals"].report()["overlap_area"] > 0.8


def test_a_report_is_json_and_counts_its_pieces():
    generated = [*random_pieces(2, 0), note_features(make_melody([]))]
    compared = compare(generated, random_pieces(3, 1))
    for comparison in compared:
        report = comparison.report()
        assert json.loads(json.dumps(report, allow_nan=False)) == report
        assert (report["generated"]["pieces"], report["real"]["pieces"]) == (2, 3)
        assert report["real_halves"] is None  # of three pieces
        assert report["distances"]["between"]["mean"] >= 0
        if comparison.feature.is_histogram:
            assert sum(report["real"]["mean"]) == pytest.approx(1)
            assert 0 <= report["difference"] <= 1


def test_one_generated_piece_has_no_distances_within():
    report = compare(random_pieces(1, 0), random_pieces(4, 1))[0].report()
    assert report["distances"]["within_generated"] is None
    assert report["real_halves"] is not None


def test_too_few_pieces_are_not_compared():
    assert compare(random_pieces(3, 0), random_pieces(1, 1)) == []
    assert compare([], random_pieces(3, 1)) == []
