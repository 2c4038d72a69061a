import re

import pytest

from tfmusic.datasets.catalog import DATASETS


@pytest.mark.parametrize("name", DATASETS)
def test_an_entry_says_what_users_need(name):
    dataset = DATASETS[name]
    assert dataset.description.endswith(".") and "\n" not in dataset.description
    assert dataset.license and dataset.citation
    if name != "midi_folder":  # which comes from the user
        assert dataset.homepage.startswith("https://")
        assert dataset.citation.startswith("@")
    assert re.fullmatch(r"tfmusic\.datasets\.\w+:\w+", dataset.builder)


@pytest.mark.parametrize("name", DATASETS)
def test_what_is_known_of_files_and_pitches_makes_sense(name):
    dataset = DATASETS[name]
    assert len(set(dataset.configs)) == len(dataset.configs)
    for checksum in dataset.checksums.values():
        assert re.fullmatch("[0-9a-f]{64}", checksum)
    if dataset.pitch_range:
        lowest, highest = dataset.pitch_range
        assert 0 <= lowest < highest <= 127
        assert not dataset.is_drums
    assert dataset.needs_input or not dataset.checksums
