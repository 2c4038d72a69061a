import os
import pickle
import subprocess
import sys

import pytest

from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.maestro_files import list_performances, read_performance
from tfmusic.errors import UserError

REAL = os.path.join(
    os.path.dirname(__file__), "../../../shared/data/maestro-v3.0.0-midi.zip"
)

HEADER = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename\n"
V3 = HEADER + (
    '"Franz Schubert / Franz Liszt",Ständchen,train,2018,2018/b.midi,2018/b.wav\n'
    'Alban Berg,"Sonata, Op. 1",test,2004,2004/c.midi,2004/c.wav\n'
    "Alban Berg,Sonata,validation,2004,2004/a.midi,2004/a.wav\n"
)
V2 = HEADER + (
    "Alban Berg,Sonata,test,2004,2004/a.midi,2004/a.wav\n"
    "Alban Berg,Old,train,2018,2018/old.midi,2018/old.wav\n"
)
FILES = {
    "maestro/maestro-v3.0.0.csv": V3,
    "maestro/maestro-v2.0.0.csv": V2,
    "maestro/2004/a.midi": midi(60),
    "maestro/2018/b.midi": midi(62),
    "maestro/2004/c.midi": midi(64),
    "maestro/v2-only/2018/old.midi": midi(65),
    "maestro/2004/unlisted.midi": midi(66),
}


@pytest.fixture(params=["folder", "maestro.zip"])
def path(request, tmp_path):
    return write_files(tmp_path / request.param, FILES)


def test_the_table_says_what_is_there_in_which_split(path):
    listing = list_performances(path, "v3.0.0")
    assert [(item.name, item.split) for item in listing.items] == [
        ("2004/a.midi", "validation"),
        ("2004/c.midi", "test"),
        ("2018/b.midi", "train"),
    ]
    assert listing.origin == os.path.basename(path)


def test_another_version_has_splits_and_files_of_its_own(path):
    listing = list_performances(path, "v2.0.0")
    assert [(item.name, item.split) for item in listing.items] == [
        ("2004/a.midi", "test"),
        ("2018/old.midi", "train"),
    ]
    [piece] = read_performance(listing.items[1])
    assert [note.pitch for note in piece.sequence.notes] == [65]


def test_a_performance_has_its_composer_and_title(path):
    item = list_performances(path, "v3.0.0").items[2]
    [piece] = read_performance(pickle.loads(pickle.dumps(item)))
    assert (piece.name, piece.split) == ("2018/b.midi", "train")
    sequence = piece.sequence
    assert [note.pitch for note in sequence.notes] == [62]
    assert sequence.id == sequence.filename == "2018/b.midi"
    assert sequence.collection_name == "MAESTRO v3.0.0"
    assert sequence.sequence_metadata.title == "Ständchen"
    assert sequence.sequence_metadata.composers == ["Franz Schubert / Franz Liszt"]


def test_missing_files_are_counted_and_the_first_is_named(tmp_path):
    files = {name: data for name, data in FILES.items() if "2004/" not in name}
    path = write_files(tmp_path / "part.zip", files)
    with pytest.raises(
        UserError,
        match=r"part.zip: 2 of the 3 files of maestro/maestro-v3.0.0.csv "
        "are missing, the first is 2004/a.midi: give the complete",
    ):
        list_performances(path, "v3.0.0")


def test_an_input_without_the_table_is_one_line(path, tmp_path):
    with pytest.raises(UserError, match="that of v3.0.0: choose --dataset=maestro/v3"):
        list_performances(path, "v1.0.0")
    other = write_files(tmp_path / "other", {"a.midi": midi(60)})
    with pytest.raises(UserError, match="other holds no maestro-v3.0.0.csv: give"):
        list_performances(other, "v3.0.0")
    with pytest.raises(UserError, match="cannot read .*nowhere"):
        list_performances(str(tmp_path / "nowhere"), "v3.0.0")


def test_an_unknown_split_is_one_line(tmp_path):
    files = {**FILES, "maestro/maestro-v3.0.0.csv": V3.replace(",test,", ",tset,")}
    with pytest.raises(UserError, match="2004/c.midi is in no known split, but 'tset'"):
        list_performances(write_files(tmp_path / "set", files), "v3.0.0")


def test_a_damaged_file_is_an_error_that_names_it(tmp_path):
    path = write_files(tmp_path / "set", {**FILES, "maestro/2004/a.midi": b"RIFF"})
    with pytest.raises(UserError, match="2004/a.midi"):
        read_performance(list_performances(path, "v3.0.0").items[0])


def test_reading_starts_fast():
    code = (
        "import sys\n"
        "import tfmusic.datasets.groove_files, tfmusic.datasets.maestro_files\n"
        "import tfmusic.datasets.midi_folder_files, tfmusic.datasets.pop909_files\n"
        "heavy = {'tensorflow', 'tensorflow_datasets', 'note_seq', 'music21'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not os.path.exists(REAL), reason="needs the standard data")
@pytest.mark.parametrize(
    ("version", "counts"), [("v3.0.0", (962, 137, 177)), ("v2.0.0", (967, 137, 178))]
)
def test_the_official_splits(version, counts):
    items = list_performances(REAL, version).items
    splits = [item.split for item in items]
    found = [splits.count(split) for split in ("train", "validation", "test")]
    assert tuple(found) == counts
    [piece] = read_performance(items[0])
    assert len(piece.sequence.notes) > 100
