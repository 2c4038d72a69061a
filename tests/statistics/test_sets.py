import numpy as np
import pytest

from tests.statistics.notes import make_melody
from tests.tiny import TOKENIZER, make_pieces
from tfmusic.errors import UserError
from tfmusic.music import write_midi
from tfmusic.music.note_arrays import add_notes
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.statistics.sets import (
    MOST_REAL,
    as_piece,
    choose,
    decode_pieces,
    duration,
    read_folder,
)


def make_sequence(*args, **kwargs):
    sequence = NoteSequence()
    add_notes(sequence, make_melody(*args, **kwargs))
    return sequence


def test_an_excerpt_begins_with_the_first_note_and_ends_in_time():
    sequence = make_sequence([60, 62, 64, 65], seconds=1, start=5)
    piece = as_piece("four", sequence, seconds=2.5)
    assert piece.notes.pitch.tolist() == [60, 62, 64]
    assert piece.notes.end.tolist() == [6, 7, 7.5]
    assert duration(piece) == 2.5
    assert duration(as_piece("four", sequence)) == 4


def test_no_notes():
    piece = as_piece("none", NoteSequence(), seconds=3)
    assert (len(piece.notes), duration(piece), piece.num_bars) == (0, 0, None)


def test_pieces_are_chosen_once_each():
    assert sorted(choose(20, 3)) == list(range(20))
    assert len(set(choose(10_000, 3))) == MOST_REAL
    assert (choose(20, 3) == choose(20, 3)).all()
    assert (choose(20, 3) != choose(20, 4)).any()


def test_the_first_tokens_of_pieces():
    pieces = make_pieces(40, 8, 24)
    first, second = decode_pieces(pieces, TOKENIZER, [2, 1], num_tokens=12)
    assert (first.name, second.name) == ("piece_2", "piece_1")
    np.testing.assert_array_equal(first.ids, pieces.piece(2)[:12])
    assert len(second.ids) == 8
    expected = TOKENIZER.decode(pieces.piece(2)[:12])[0]
    assert len(first.notes) == len(expected.notes) > 0


def test_a_folder_of_music(tmp_path):
    (tmp_path / "deep").mkdir()
    write_midi(make_sequence([60, 62]), tmp_path / "deep" / "a.mid")
    write_midi(make_sequence([64]), tmp_path / "b.midi")
    (tmp_path / "notes.txt").touch()
    pieces = read_folder(str(tmp_path))
    assert [piece.name for piece in pieces] == ["b.midi", "deep/a.mid"]
    assert [piece.notes.pitch.tolist() for piece in pieces] == [[64], [60, 62]]


def test_a_folder_without_music(tmp_path):
    with pytest.raises(UserError, match="holds no .mid"):
        read_folder(str(tmp_path))
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    with pytest.raises(UserError, match="bad.mid"):
        read_folder(str(tmp_path))
    with pytest.raises(UserError, match="is not a folder"):
        read_folder(str(tmp_path / "none"))
