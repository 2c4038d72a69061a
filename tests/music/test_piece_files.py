import pytest

from tests.tiny import TOKENIZER
from tfmusic.errors import UserError
from tfmusic.music import read_sequence
from tfmusic.music.piece_files import PieceFiles

MUSIC = TOKENIZER.grid_to_sequence([[72, 67, 64, 48]] * 4)  # a quarter, four notes


def test_several_pieces_are_numbered_and_counted(tmp_path, capsys):
    files = PieceFiles(str(tmp_path / "a.mid"), str(tmp_path / "a.png"), 2)
    counts = files.write([(MUSIC, 0), (MUSIC, 3)])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a-1.mid", "a-1.png", "a-2.mid", "a-2.png"]
    assert len(read_sequence(str(tmp_path / "a-2.mid")).notes) == 4
    assert (counts["pieces"], counts["notes"], counts["invalid_tokens"]) == (2, 8, 3)
    assert "a-2.mid: 4 notes" in capsys.readouterr().out


def test_one_piece_has_the_name_that_was_given(tmp_path):
    PieceFiles(str(tmp_path / "a.mid"), None, 1).write([(MUSIC, 0)])
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_a_place_is_tried_before_the_work_and_left_as_it_was(tmp_path):
    (tmp_path / "file").write_text("kept")
    PieceFiles(str(tmp_path / "a.mid"), None, 1).check()
    with pytest.raises(UserError, match="cannot write"):
        PieceFiles(str(tmp_path / "file" / "a.mid"), None, 1).check()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
