from tests.statistics.notes import make_notes
from tfmusic.statistics.order import CLASS_SECONDS, in_order, seconds_class


def test_a_chord_is_read_upwards_however_it_was_spread():
    # C major, rolled from the top in 20 ms steps; then its fifth, alone
    notes, chord = in_order(make_notes([(67, 0.5), (67, 0.0), (64, 0.02), (60, 0.04)]))
    assert notes.pitch.tolist() == [60, 64, 67, 67]
    assert notes.start.tolist() == [0.04, 0.02, 0.0, 0.5]
    assert chord.tolist() == [0, 0, 0, 1]


def test_no_note_has_an_order():
    notes, chord = in_order(make_notes([]))
    assert len(notes) == len(chord) == 0


def test_rounded_times_stay_in_their_class():
    classes = seconds_class(CLASS_SECONDS * 1.1)
    assert classes.tolist() == list(range(len(CLASS_SECONDS)))
    assert (seconds_class(CLASS_SECONDS / 1.1) == classes).all()
    assert seconds_class([0.0, 100.0]).tolist() == [0, len(CLASS_SECONDS) - 1]
