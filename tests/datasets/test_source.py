from tfmusic.datasets.source import SPLITS, Source
from tfmusic.music.note_sequence import NoteSequence


def piece(num_notes, seconds):
    sequence = NoteSequence(total_time=seconds)
    for _ in range(num_notes):
        sequence.notes.add()
    return sequence


def test_the_report_adds_up():
    source = Source(
        origin="a drawer",
        pieces={
            "train": {"a": piece(3, 1.5), "b": piece(4, 2.0)},
            "validation": {"c": piece(1, 0.5)},
            "test": {},
        },
        num_files=5,
        skipped={"d.mid": "empty"},
        duplicates={"e": "a"},
        groups=[["a", "b"]],
    )
    report = source.report()
    assert tuple(report["splits"]) == SPLITS
    assert report["splits"]["train"] == {"pieces": 2, "notes": 7, "seconds": 3.5}
    assert report["splits"]["test"] == {"pieces": 0, "notes": 0, "seconds": 0}
    files = report["files"]
    assert files["read"] + len(files["skipped"]) == files["given"] == 5
    pieces = sum(counts["pieces"] for counts in report["splits"].values())
    assert pieces + len(report["duplicates_removed"]) == files["read"]
    assert (report["origin"], report["groups"]) == ("a drawer", [["a", "b"]])
