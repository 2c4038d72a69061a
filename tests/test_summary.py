"""The summary names what is there, and what to run where something is not."""

import json

import pytest

from tfmusic.errors import UserError
from tfmusic.summary import summarize

REPORTS = {
    "chorale_tiny/metrics.jsonl": [
        {"step": 5, "on": "train", "nats_per_token": 3.0, "tokens_per_second": 10.0},
        {"step": 9, "on": "train", "nats_per_token": 2.0, "tokens_per_second": 1234.5},
        {"step": 9, "on": "validation", "nats_per_token": 0.5},
    ],
    "evaluation.json": [
        {
            "nats_per_token": 0.43219,
            "nats_per_note": 1.5,
            "accuracy": 0.875,
            "num_tokens": 42512,
        }
    ],
    "export/report.json": [
        {
            "saved_model": {"bytes": 5_000_000},
            "tflite": {"bytes": 1_200_000, "quantization": "dynamic_int8"},
        }
    ],
    "generation.json": [
        {"tokens": 512, "tokens_per_second": 800.4, "notes": 130, "seconds": 70.0}
    ],
    "shipped/chorale_tiny.json": [{"nats_per_token": 0.41234}],
    "shipped/chorales.json": [
        {"nats_per_token": 0.31234, "num_pieces": 12, "num_tokens": 11520}
    ],
    "shipped/generation.json": [{"notes": 250, "seconds": 44.0}],
}


@pytest.fixture
def folder(tmp_path):
    for name, rows in REPORTS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_every_number_and_place_is_named(folder):
    text = summarize(str(folder))
    for expected in (
        "0.4322 nats/token",
        "1,234 tokens/s, 9 steps",
        "800 tokens/s",
        "5.0 MB",
        "1.2 MB, dynamic_int8",
        str(folder / "chorale.mid"),
        str(folder / "chorale.png"),
        str(folder / "export" / "model.tflite"),
        "0.3123 nats/token where chorale_tiny has 0.4123",
        "the 12 validation pieces that neither was trained on (11,520 tokens)",
        f"{folder / 'shipped' / 'chorale.mid'} (250 notes, 44 seconds)",
        str(folder / "shipped" / "chorale.png"),
    ):
        assert expected in text


@pytest.mark.parametrize("name", REPORTS)
def test_a_missing_report_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        summarize(str(folder))
