import numpy as np

from tests.statistics.notes import make_melody, make_notes
from tfmusic.statistics.memorization import Training, read_notes
from tfmusic.statistics.sets import MusicPiece

# The first line of "Ode to Joy"
ODE = [64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 64, 62, 62]
OTHER = [60, 67, 61, 68, 62, 69, 63, 70]


def longest(piece, held_out=None):
    training = Training(
        [
            MusicPiece("other", make_melody(OTHER)),
            MusicPiece("ode", make_melody(OTHER[:3] + ODE)),
        ]
    )
    return training.report([MusicPiece("piece", piece)], held_out)


def found(report, reading):
    piece = report[reading]["pieces"][0]
    return piece.get("training_piece"), piece["length"], piece.get("training_offset")


def test_a_transposed_copy_is_found():
    report = longest(make_melody([pitch + 5 for pitch in ODE], start=2))
    assert found(report, "notes") == ("ode", len(ODE), 3)
    assert "tokens" not in report  # there are no ids


def test_a_copy_in_another_tempo_is_found_by_its_intervals():
    report = longest(make_melody(ODE, seconds=0.6))
    assert found(report, "intervals") == ("ode", len(ODE), 3)
    assert found(report, "notes") == (None, 0, None)


def test_a_chord_is_no_melody():
    chord = make_notes([(60, 0), (64, 0), (67, 0)])
    arpeggio = make_melody([60, 64, 67])
    for reading in ("notes", "intervals"):
        symbols = read_notes(chord)[reading], read_notes(arpeggio)[reading]
        assert not np.isin(*symbols).any()


def test_held_out_music_is_summed_up():
    held_out = [
        MusicPiece("a", make_melody(ODE[:4])),
        MusicPiece("b", make_melody(ODE[:10])),
    ]
    report = longest(make_melody(ODE), held_out)["notes"]
    assert report["held_out"] == {"pieces": 2, "median": 7.0, "longest": 10}
    assert report["generated"] == {"pieces": 1, "median": 15.0, "longest": 15}
    assert longest(make_melody(ODE))["notes"]["held_out"] is None


def test_tokens_are_compared_as_they_are():
    def piece(name, ids):
        return MusicPiece(name, make_melody(ODE), ids=np.array(ids, np.int32))

    training = Training([piece("a", [5, 6, 7, 8]), piece("b", [9, 7, 8, 9])])
    report = training.report([piece("x", [1, 7, 8, 9]), piece("y", [1, 1])], None)
    assert report["tokens"]["pieces"] == [
        {
            "name": "x",
            "length": 3,
            "offset": 1,
            "training_piece": "b",
            "training_offset": 1,
        },
        {"name": "y", "length": 0},
    ]


def test_a_piece_without_notes_shares_nothing():
    assert found(longest(make_notes([])), "notes") == (None, 0, None)
