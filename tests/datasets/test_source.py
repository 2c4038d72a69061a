import pickle

from tfmusic.datasets.source import Item, Listing, Piece
from tfmusic.music.note_sequence import NoteSequence


def test_what_processes_hand_on_survives_the_way():
    item = Item("a.mid", ("music.zip", "a.mid"), "train")
    piece = Piece("a.mid", NoteSequence(total_time=1.5), "train")
    for thing in (item, piece, Listing("music.zip", [item])):
        assert pickle.loads(pickle.dumps(thing)) == thing


def test_a_piece_need_not_know_its_split():
    piece = Piece("a.mid", NoteSequence())
    assert (piece.split, piece.group, Item("a", ()).split) == (None, None, None)
