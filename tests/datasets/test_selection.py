import numpy as np

from tests.tiny import TOKENIZER, make_pieces
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.selection import select, without_kin


def pieces_of(**grids):
    ids = [TOKENIZER.grid_to_ids(grid) for grid in grids.values()]
    return Pieces(
        ids=np.concatenate(ids).astype(np.uint16),
        offsets=np.cumsum([0, *map(len, ids)]),
        names=list(grids),
        num_notes=np.array([len(grid) for grid in grids.values()]),
        seconds=np.ones(len(grids)),
    )


def test_what_is_selected_is_whole_and_in_the_splits_order():
    pieces = make_pieces(8, 20, 4, 12)
    chosen = select(pieces, ["piece_3", "piece_1", "piece_9"])
    assert chosen.names == ["piece_1", "piece_3"]
    for index, before in enumerate((1, 3)):
        np.testing.assert_array_equal(chosen.piece(index), pieces.piece(before))
    assert chosen.ids.dtype == pieces.ids.dtype
    assert chosen.num_notes.tolist() == pieces.num_notes[[1, 3]].tolist()
    assert chosen.seconds.tolist() == pieces.seconds[[1, 3]].tolist()


def test_nothing_may_be_selected():
    chosen = select(make_pieces(8, 20), [])
    assert (len(chosen), chosen.num_tokens, chosen.offsets.tolist()) == (0, 0, [0])


def test_a_piece_with_a_passage_of_another_in_whatever_key_is_kin():
    draw = np.random.default_rng(0).integers
    music, other, third = draw(45, 70, [3, 48, 4])
    quoting = np.concatenate([third[:5], music[8:40] + 3, third[5:9]])
    candidates = pieces_of(same=music, new=other, quoting=quoting)
    unseen = without_kin(candidates, pieces_of(music=music, third=third), TOKENIZER)
    assert unseen.names == ["new"]
