from tfmusic.statistics.table import format_report

NUMBERS = {
    "dataset": "some_set",
    "split": "validation",
    "generated": {"pieces": 3},
    "real": {"pieces": 5},
    "features": {
        "pitch_range": {
            "unit": "semitones",
            "generated": {"mean": 30.0, "std": 4.25},
            "real": {"mean": 28.5, "std": 3.0},
            "overlap_area": 0.912,
            "kl_divergence": 0.05,
            "real_halves": {"overlap_area": 0.95, "kl_divergence": 0.01},
        },
        "pitch_classes": {
            "unit": "pitch class",
            "classes": ["C"],
            "difference": 0.125,
            "overlap_area": 0.5,
            "kl_divergence": 1.5,
            "real_halves": None,
        },
    },
    "copies": {
        "tokens": {
            "generated": {"median": 9.5, "longest": 57},
            "held_out": {"median": 8, "longest": 12},
            "pieces": [
                {"name": "generated-1", "length": 2},
                {
                    "name": "generated-2",
                    "length": 57,
                    "offset": 10,
                    "training_piece": "train_012",
                    "training_offset": 440,
                },
            ],
        },
        "notes": {
            "generated": {"median": 0, "longest": 0},
            "held_out": None,
            "pieces": [{"name": "generated-1", "length": 0}],
        },
    },
}


def test_a_row_for_each_feature_and_reading():
    lines = format_report(NUMBERS).splitlines()
    assert lines[0] == "3 generated pieces beside 5 of some_set validation"
    rows = [line.split() for line in lines]
    assert ["feature", "generated", "real", "overlap", "real:real", "KL"] in rows
    row = "pitch range (semitones) 30.00 ± 4.25 28.50 ± 3.00 0.91 0.95 0.05"
    assert row.split() in rows
    assert "pitch classes 0.12 apart 0.50 - 1.50".split() in rows
    assert "tokens 9.5, at most 57 8, at most 12".split() in rows
    assert "notes, in any key 0, at most 0 -".split() in rows
    assert lines[-2:] == [
        "tokens: generated-2 has 57 from token 10 on as train_012 has from 440 on",
        "notes: no run is shared",
    ]


def test_columns_line_up():
    lines = format_report(NUMBERS).splitlines()
    table = lines[2:5]
    assert table[0].startswith("feature ")
    assert len({len(line) for line in table}) == 1
