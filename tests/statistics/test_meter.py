import pytest

from tfmusic.music.note_sequence import NoteSequence
from tfmusic.statistics.meter import count_bars


def test_bars_of_three_and_four_quarters():
    sequence = NoteSequence()
    sequence.tempos.add(time=0, qpm=60)
    sequence.time_signatures.add(time=0, numerator=3, denominator=4)
    sequence.time_signatures.add(time=6, numerator=4, denominator=4)
    assert count_bars(sequence, 0, 6) == pytest.approx(2)
    assert count_bars(sequence, 0, 16) == pytest.approx(2 + 2.5)
    assert count_bars(sequence, 8, 10) == pytest.approx(0.5)


def test_bars_pass_twice_as_fast_at_twice_the_tempo():
    sequence = NoteSequence()
    sequence.tempos.add(time=4, qpm=240)
    sequence.time_signatures.add(time=0, numerator=6, denominator=8)
    assert count_bars(sequence, 0, 4) == pytest.approx(8 / 3)  # at MIDI's 120
    assert count_bars(sequence, 2, 6) == pytest.approx((4 + 8) / 3)


def test_no_time_signature_no_bars():
    assert count_bars(NoteSequence(), 0, 8) is None
