import pytest

from tfmusic.datasets import arrangement
from tfmusic.datasets.reading import Outcome, ReadPiece
from tfmusic.datasets.source import SPLITS, Item, Listing
from tfmusic.errors import UserError

BY_GROUP = "tfmusic.datasets.arrangement:by_group"
BY_NOTES = "tfmusic.datasets.arrangement:distinct_by_notes"
DISTINCT = "tfmusic.datasets.arrangement:distinct_by_group"


def piece(name, split=None, group=None, digest=None, num_notes=1, seconds=0.5):
    digest = digest or name
    return ReadPiece(name, split, group or name, digest, num_notes, seconds, b"")


def test_given_splits_are_kept():
    pieces = [piece("a", "test"), piece("b", "train")]
    arranged = arrangement.arrange(BY_GROUP, pieces)
    assert arranged.splits == {"a": "test", "b": "train"}
    assert arranged.duplicates == {} and arranged.groups == []


def test_a_group_shares_a_split_that_depends_on_it_alone():
    pieces = [piece(f"{n}", group=f"tune {n // 3}") for n in range(300)]
    splits = arrangement.arrange(BY_GROUP, pieces).splits
    for n in range(300):
        assert splits[f"{n}"] == arrangement.split_of(f"tune {n // 3}")
    assert set(splits.values()) == set(SPLITS)
    some = arrangement.arrange(BY_GROUP, pieces[:7])
    assert some.splits.items() <= splits.items()
    assert some.groups == [["0", "1", "2"], ["3", "4", "5"]]


def test_splits_are_fixed_for_good():
    # Another rule would be another data set.
    keys = ("bwv66.6", "bwv10.7", "bwv5.7")
    assert [arrangement.split_of(key) for key in keys] == [
        "validation",
        "test",
        "train",
    ]


def test_of_equal_pieces_the_first_is_kept():
    pieces = [piece("a", digest="x"), piece("b"), piece("c", digest="x")]
    arranged = arrangement.arrange(DISTINCT, pieces)
    assert arranged.duplicates == {"c": "a"}
    assert list(arranged.splits) == ["a", "b"]
    by_notes = arrangement.arrange(BY_NOTES, pieces)
    assert by_notes.duplicates == arranged.duplicates
    assert by_notes.splits == {
        "a": arrangement.split_of("x"),
        "b": arrangement.split_of("b"),
    }
    assert arrangement.arrange(BY_GROUP, pieces).duplicates == {}


def test_two_pieces_of_one_name_are_a_mistake():
    with pytest.raises(ValueError, match="one name"):
        arrangement.arrange(BY_GROUP, [piece("a"), piece("a")])


def listing(*names):
    return Listing("a drawer", [Item(name, (name,)) for name in names], unit="tunes")


def test_the_report_adds_up():
    outcomes = [
        Outcome("a.mid", (piece("a", "train", num_notes=3, seconds=1.5),)),
        Outcome("bc.mid", (piece("b", "train"), piece("c", "test", digest="a"))),
        Outcome("d.mid", reason="empty"),
        Outcome("e.mid", (piece("e", "validation", digest="a"),)),
    ]
    pieces = [piece for outcome in outcomes for piece in outcome.pieces]
    arranged = arrangement.arrange(DISTINCT, pieces)
    report = arrangement.report(
        listing("a.mid", "bc.mid", "d.mid", "e.mid"), outcomes, arranged
    )
    assert (report["origin"], report["unit"]) == ("a drawer", "tunes")
    assert tuple(report["splits"]) == SPLITS
    assert report["splits"]["train"] == {"pieces": 2, "notes": 4, "seconds": 2.0}
    assert report["splits"]["test"] == {"pieces": 0, "notes": 0, "seconds": 0}
    files = report["files"]
    assert files["read"] + len(files["skipped"]) == files["given"] == 4
    assert files["skipped"] == {"d.mid": "empty"}
    kept = sum(counts["pieces"] for counts in report["splits"].values())
    assert kept + len(report["duplicates_removed"]) == len(pieces)
    with pytest.raises(UserError, match="a drawer has no piece for validation"):
        arrangement.check_splits(report)
