import numpy as np
import pytest
from hypothesis import given

from tests.tokenizers.metric_music import in_quarters
from tests.tokenizers.test_multitrack import any_ids, plain
from tfmusic.tokenizers import MultitrackTokenizer
from tfmusic.tokenizers.bar_filling import bar_places, fill_bars, mask_bars

TOKENIZER = MultitrackTokenizer(num_bars=2)
VOCABULARY = TOKENIZER.vocabulary
DRUMS = {"instrument": 1, "is_drum": True}
# Two windows, of two bars and of one: a piano in both and drums in the first.
IDS = TOKENIZER.encode(
    in_quarters([(60, 0, 4), (62, 4, 8), (36, 0, 1, DRUMS), (64, 8, 12)])
)


def test_bars_know_their_window_and_track():
    assert bar_places(IDS, VOCABULARY).tolist() == [
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
        [0, 1, 1],
        [1, 0, 0],
    ]
    assert bar_places(np.zeros(0, int), VOCABULARY).shape == (0, 3)


def test_bars_are_left_out_and_follow_at_their_windows_end():
    places = bar_places(IDS, VOCABULARY)
    drums = np.flatnonzero((places[:, 0] == 0) & (places[:, 1] == 1))
    masked = mask_bars(IDS, [4, 0, *drums], VOCABULARY)
    assert masked.dtype == np.int32
    assert plain(TOKENIZER, masked) == [
        "PIECE_START",
        *["TRACK_START", "INSTRUMENT 0", "DENSITY 0"],
        *["BAR_START 16", "FILL_IN", "BAR_END"],
        *["BAR_START 16", "NOTE_ON 62", "TIME_DELTA 48", "NOTE_OFF 62", "BAR_END"],
        "TRACK_END",
        *["TRACK_START", "DRUMS", "DENSITY 0"],
        *["BAR_START 16", "FILL_IN", "BAR_END"],
        *["BAR_START 16", "FILL_IN", "BAR_END"],
        "TRACK_END",
        *["FILL_START", "NOTE_ON 60", "TIME_DELTA 48", "NOTE_OFF 60", "FILL_END"],
        *["FILL_START", "DRUM_ON 36", "FILL_END"],
        *["FILL_START", "FILL_END"],
        "PIECE_START",
        *["TRACK_START", "INSTRUMENT 0", "DENSITY 0"],
        *["BAR_START 16", "FILL_IN", "BAR_END", "TRACK_END"],
        *["FILL_START", "NOTE_ON 64", "TIME_DELTA 48", "NOTE_OFF 64", "FILL_END"],
    ]
    np.testing.assert_array_equal(fill_bars(masked, VOCABULARY), IDS)


def test_other_contents_go_to_the_same_places():
    masked = mask_bars(IDS, [0, 2], VOCABULARY)
    first = masked.tolist().index(VOCABULARY.encode("NOTE_ON", 60))
    masked[first] = VOCABULARY.encode("NOTE_ON", 72)
    filled = plain(TOKENIZER, fill_bars(masked, VOCABULARY))
    assert filled[:6] == plain(TOKENIZER, IDS)[:5] + ["NOTE_ON 72"]
    assert filled[6:] == plain(TOKENIZER, IDS)[6:]


def test_nothing_left_out_is_the_same():
    np.testing.assert_array_equal(mask_bars(IDS, [], VOCABULARY), IDS)
    np.testing.assert_array_equal(fill_bars(IDS, VOCABULARY), IDS)
    assert mask_bars([], [], VOCABULARY).tolist() == []
    assert fill_bars([], VOCABULARY).tolist() == []


def test_a_filling_that_breaks_off_goes_to_the_end():
    masked = mask_bars(IDS[: IDS.tolist().index(3, 1)], [0, 2], VOCABULARY)
    end = VOCABULARY.encode("FILL_END", 0)
    broken = masked[: len(masked) - 1]
    assert masked[-1] == end
    np.testing.assert_array_equal(
        fill_bars(broken, VOCABULARY), fill_bars(masked, VOCABULARY)
    )
    # Before the second was begun, its place stays.
    last = np.flatnonzero(masked == VOCABULARY.encode("FILL_START", 0))[-1]
    filled = plain(TOKENIZER, fill_bars(masked[:last], VOCABULARY))
    assert filled.count("FILL_IN") == 1
    assert "FILL_START" not in filled


@given(any_ids)
def test_filling_in_takes_any_ids(ids):
    filled = fill_bars(np.array(ids, np.int64), VOCABULARY)
    marks = [VOCABULARY.encode(f"FILL_{x}", 0) for x in ("IN", "START", "END")]
    music = sorted(token for token in ids if token not in marks)
    assert sorted(token for token in filled.tolist() if token not in marks) == music


@pytest.mark.parametrize("bars", [[5], [-1], [0, 9]])
def test_bars_that_are_not_there_are_errors(bars):
    with pytest.raises(ValueError, match="bars 0 to 4"):
        mask_bars(IDS, bars, VOCABULARY)


def test_half_a_piece_cannot_be_masked():
    masked = mask_bars(IDS, [0], VOCABULARY)
    with pytest.raises(ValueError, match="already"):
        mask_bars(masked, [1], VOCABULARY)
    with pytest.raises(ValueError, match="no end"):
        mask_bars(IDS[:6], [0], VOCABULARY)
