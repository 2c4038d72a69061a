import subprocess
import sys

import pytest

from tfmusic.datasets.essen_files import arrange_songs, list_songs, read_song
from tfmusic.datasets.reading import Task, read_item
from tfmusic.errors import UserError
from tfmusic.music.limits import Limits

UP = "CDEFGABcdefgabc'd'"
TURN = "EFGAGFEDCDEFGAGF"
UP_A_FOURTH = "ABcdcBAGFGABcdcB"  # in F


def tune(number, music, key="C"):
    return f"X:{number}\nT:A song\nM:4/4\nL:1/16\nK:{key}\n{music}\n\n"


@pytest.fixture
def folder(tmp_path):
    books = {
        "erk1.abc": tune(1, UP) + tune(2, "C 4 D") + tune(3, TURN),
        "other.abc": tune(1, TURN)
        + tune(2, f"z2{UP_A_FOURTH}", key="F")
        + tune(3, "CCCC"),
        "license.txt": tune(1, UP),
    }
    for name, text in books.items():
        (tmp_path / name).write_text(text)
    return str(tmp_path)


def read(listing):
    """What could be read, as reading processes give it."""
    reader = "tfmusic.datasets.essen_files:read_song"
    pieces = []
    for item in listing.items:
        try:
            pieces += read_item(Task(reader, item, Limits()))
        except UserError:
            pass
    return pieces


def test_items_are_tunes(folder):
    listing = list_songs(folder, "the corpus", "all")
    assert [item.name for item in listing.items] == [
        "erk1-001",
        "erk1-002",
        "erk1-003",
        "other-001",
        "other-002",
        "other-003",
    ]
    assert (listing.origin, listing.unit) == ("the corpus", "tunes")
    assert list_songs(folder, "the corpus", "erk").items == listing.items[:3]


def test_a_song(folder):
    (piece,) = read_song(list_songs(folder, "the corpus", "erk").items[2])
    assert (piece.name, piece.split) == ("erk1-003", None)
    assert [note.pitch for note in piece.sequence.notes][:4] == [64, 65, 67, 69]
    assert piece.sequence.id == "erk1-003"
    assert piece.sequence.filename == "erk1.abc"
    assert piece.sequence.collection_name == "the corpus"
    assert piece.sequence.sequence_metadata.title == "A song"


@pytest.mark.parametrize(
    "music, is_minor",
    [
        ("A=cBA", True),
        ("AcBA", False),
        ("A=cB|c4A", False),  # the thirds count by their lengths
        ("AEAE", False),
    ],
)
def test_the_key_is_minor_where_the_minor_third_prevails(tmp_path, music, is_minor):
    (tmp_path / "erk1.abc").write_text(tune(1, music, key="A"))
    (piece,) = read_song(list_songs(str(tmp_path), "", "erk").items[0])
    (key,) = piece.sequence.key_signatures
    assert (key.key, key.mode) == (key.A, key.MINOR if is_minor else key.MAJOR)


def test_a_damaged_song_gives_the_reason(folder):
    with pytest.raises(UserError, match="a length without a note, 4, in 'C 4 D'"):
        read_song(list_songs(folder, "the corpus", "erk").items[1])


def test_equal_songs_are_duplicates_and_kin_share_a_split(folder):
    arranged = arrange_songs(read(list_songs(folder, "the corpus", "all")))
    assert arranged.duplicates == {"other-001": "erk1-003"}
    # The same tune in another key, after a rest.
    assert arranged.groups == [["erk1-003", "other-002"]]
    assert arranged.splits["erk1-003"] == arranged.splits["other-002"]
    assert list(arranged.splits) == ["erk1-001", "erk1-003", "other-002", "other-003"]


def test_a_folder_without_books_says_so(tmp_path):
    with pytest.raises(UserError, match="no tune book is in .*reinstall music21"):
        list_songs(str(tmp_path), "the corpus", "all")


def test_the_module_is_quick_to_import():
    code = "import sys, tfmusic.datasets.essen_files; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    modules = set(done.stdout.split())
    assert "tfmusic.music.abc" in modules
    assert not modules & {"music21", "tensorflow", "note_seq"}
