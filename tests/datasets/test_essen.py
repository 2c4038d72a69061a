import re

import pytest

from tfmusic.datasets.corpus import find_corpus
from tfmusic.datasets.essen_files import list_songs, read_song
from tfmusic.datasets.melody_kinship import passages
from tfmusic.datasets.registry import get_builder
from tfmusic.errors import UserError
from tfmusic.music.note_arrays import note_arrays
from tfmusic.music.note_sequence import NoteSequence

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    builder = get_builder("essen/erk", str(folder), log=lambda line: None)
    builder.prepare()
    return builder


@pytest.fixture(scope="module")
def sequences(builder):
    return {
        split: [
            NoteSequence.FromString(example["sequence"].numpy())
            for example in builder.as_dataset(split=split)
        ]
        for split in SPLITS
    }


def test_every_tune_is_read_or_listed_with_its_reason(builder):
    report = builder.report()
    files = report["files"]
    num_headers = 0
    for book in ("erk5", "erk10", "erk20", "erk30"):
        with open(f"{find_corpus('essenFolksong')}/{book}.abc", "rb") as file:
            num_headers += len(re.findall(rb"^X:", file.read(), re.MULTILINE))
    assert report["unit"] == "tunes"
    assert files["given"] == num_headers == 1781
    assert files["read"] == 1780
    assert list(files["skipped"]) == ["erk20-237"]
    assert "a length without a note, 2" in files["skipped"]["erk20-237"]
    sizes = {split: counts["pieces"] for split, counts in report["splits"].items()}
    assert sum(sizes.values()) == 1780 and not report["duplicates_removed"]
    assert 0.07 < sizes["validation"] / 1780 < 0.13
    assert 0.07 < sizes["test"] / 1780 < 0.13


def test_no_passage_is_in_two_splits(sequences):
    train, validation, test = (
        set().union(*(passages(note_arrays(s).pitch) for s in sequences[split]))
        for split in SPLITS
    )
    assert len(train) > 30_000
    assert not train & validation and not train & test and not validation & test


def test_songs_are_melodies_on_the_grid_of_16ths(sequences):
    for sequence in sum(sequences.values(), []):
        notes = note_arrays(sequence)
        steps = 8 * notes.start  # at 120 quarters a minute a 16th is 1/8 second
        assert (steps == steps.round()).all(), sequence.id
        assert (notes.start[1:] >= notes.end[:-1]).all(), sequence.id
        assert len(sequence.key_signatures) == 1, sequence.id
        assert [tempo.qpm for tempo in sequence.tempos] == [120], sequence.id


def test_all_is_the_first_config(tmp_path):
    builder = get_builder("essen", str(tmp_path))
    assert builder.builder_config.name == "all"
    assert len(builder.list_items().items) == 8514


def test_the_damaged_tunes_of_all_books_say_what_is_wrong():
    listing = list_songs(find_corpus("essenFolksong"), "", "all")
    items = {item.name: item for item in listing.items}
    reasons = {
        "dva0-027": "a length without a note, 4,",
        "lot-107": "a length without a note, 4,",
        "folkHaydn-013": "no key is named 'Es'",
        "han2-374": "no key is named 'H'",
        "han2-445": "no key is named 'H'",
    }
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=reason):
            read_song(items[name])
    (piece,) = read_song(items["altdeu20-062"])  # its meter is "FREI4/4"
    assert piece.sequence.time_signatures[0].numerator == 4
