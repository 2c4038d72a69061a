from benchmarks import tables

LEARNED = {"parameters": 1500, "step_seconds": 0.25, "length": 512}
ROWS = [
    {**LEARNED, "kind": "equal_steps", "mixer": "a", "nats_per_token": 0.6},
    {**LEARNED, "kind": "equal_steps", "mixer": "b", "nats_per_token": 0.5},
    {
        **LEARNED,
        "kind": "equal_time",
        "mixer": "b",
        "nats_per_token": 0.45,
        "steps": 1200,
    },
    {"kind": "equal_time", "mixer": "a", "length": 512, "failed": "crashed"},
    {"kind": "decode", "mixer": "a", "length": 512, "cpu_seconds": 0.001},
    {"kind": "decode", "mixer": "a", "length": 64, "cpu_seconds": 0.0005},
    {"kind": "decode", "mixer": "b", "length": 64, "failed": "out of memory"},
]


def test_the_report():
    assert tables.report(ROWS) == (
        "| mixer | parameters | ms a step | equal steps | equal time | steps |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n"
        "| b | 1,500 | 250 | 0.5000 | 0.4500 | 1,200 |\n"
        "| a | 1,500 | 250 | 0.6000 |  |  |\n"
        "\n"
        "| decoding, ms a token | 64 | 512 |\n"
        "| --- | ---: | ---: |\n"
        "| a | 0.50 | 1.00 |\n"
        "| b | failed |  |\n"
        "\n"
        "- equal_time of a at 512: crashed\n"
        "- decode of b at 64: out of memory"
    )


def test_nothing_is_reported_of_nothing():
    assert tables.report([]) == ""


def test_the_picture_is_drawn(tmp_path):
    path = tmp_path / "mixers.png"
    tables.draw(ROWS, str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
