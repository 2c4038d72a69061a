import pytest

from benchmarks.ratios import RATIOS, Ratio

CASES = {"a": lambda: None, "b": lambda: None}


@pytest.mark.parametrize("at_least, met", [(False, 0.3), (True, 0.5)])
def test_a_ratio_is_held_against_its_target(at_least, met):
    ratio = Ratio("a against b", 0.4, CASES, at_least=at_least)
    assert [ratio.meets(value) for value in (0.3, 0.4, 0.5)] == [
        met == 0.3,
        True,
        met == 0.5,
    ]


def test_a_line_says_what_was_measured():
    ratio = Ratio("a against b", 0.4, CASES, of="memory")
    line = ratio.line(0.5, {"a": 1e9, "b": 2e9})
    assert line == "a against b: 0.50 (target <= 0.4)  MISSED; a 1,000 MB, b 2,000 MB"
    line = Ratio("a", 4, CASES, at_least=True).line(5.0, {"a": 0.5, "b": 0.1})
    assert line == "a: 5.00 (target >= 4); a 500 ms, b 100 ms"


def test_every_ratio_compares_two():
    assert all(len(ratio.cases) >= 2 for ratio in RATIOS.values())
