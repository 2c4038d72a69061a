import numpy as np
import tensorflow as tf

from tests.tiny import TOKENIZER, make_pieces
from tfmusic.datasets.grid_reader import GridReader
from tfmusic.datasets.grid_windows import GridWindows

FEATURES = ("beat", "pitch", "voice")
PIECES = make_pieces(40, 8)


def make(num_cells=40):
    return GridReader(num_cells, TOKENIZER, FEATURES, length=16)


def test_it_shows_what_training_showed():
    windows = GridWindows(PIECES, TOKENIZER, FEATURES, 16)
    for piece, start in ((0, 20), (0, 24), (1, 0)):
        expected, _, _ = windows.cut(
            tf.constant([piece], tf.int64),
            tf.constant([start], tf.int64),
            tf.constant([0]),
            tf.constant([0], tf.int64),
        )
        ids = PIECES.piece(piece)
        reader = make(len(ids))
        index = reader.index(np.array([start]))
        inputs = reader.inputs(index, ids[np.minimum(index, len(ids) - 1)])
        assert set(inputs) == set(expected)
        for name, values in inputs.items():
            np.testing.assert_array_equal(values, expected[name])
            assert values.dtype == np.int32


def test_windows_lie_around_their_cells_and_within_the_piece():
    cells = np.array([0, 3, 13, 20, 23, 39])
    starts = make().starts(cells, before=1 / 2)  # 2 of 4 steps
    assert starts.tolist() == [0, 0, 4, 12, 12, 24]
    assert make().starts(cells, before=3 / 4).tolist() == [0, 0, 0, 8, 8, 24]
    assert make(8).starts(np.array([7]), before=1 / 2).tolist() == [0]
