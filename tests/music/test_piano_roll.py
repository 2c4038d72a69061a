import os

import matplotlib
import matplotlib.axes
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tfmusic.errors import UserError
from tfmusic.music import draw_piano_roll
from tfmusic.music.note_sequence import NoteSequence
from tfmusic.music.piano_roll import COLORS, PRIME_COLOR, pitch_name


def four_voices(field="part"):
    sequence = NoteSequence(total_time=4)
    for voice, pitch in enumerate((72, 67, 64, 48)):
        for second in range(4):
            note = sequence.notes.add(
                pitch=pitch, velocity=80, start_time=second, end_time=second + 1
            )
            setattr(note, field, voice)
    return sequence


def area_of(path, color):
    """How many of the picture's pixels have exactly this color."""
    pixels = matplotlib.image.imread(path)[..., :3]
    return int((np.abs(pixels - to_rgb(color)).max(axis=-1) < 1 / 255).sum())


def test_pitch_names():
    assert [pitch_name(pitch) for pitch in (60, 61, 69, 36, 0)] == [
        "C4",
        "C♯4",
        "A4",
        "C2",
        "C-1",
    ]


@pytest.mark.parametrize("field", ["part", "instrument"])
def test_each_voice_has_its_color(tmp_path, field):
    draw_piano_roll(four_voices(field), tmp_path / "roll.png", title="Four voices")
    areas = [area_of(tmp_path / "roll.png", color) for color in COLORS[:4]]
    assert min(areas) > 0.8 * max(areas) > 1000
    assert area_of(tmp_path / "roll.png", PRIME_COLOR) < 100


def test_the_prime_has_another_color(tmp_path):
    path = tmp_path / "roll.png"
    draw_piano_roll(four_voices(), path)
    whole = area_of(path, COLORS[0])
    draw_piano_roll(four_voices(), path, prime_seconds=2.0)
    assert area_of(path, PRIME_COLOR) > 1.5 * whole  # half of four voices
    assert area_of(path, COLORS[0]) < 0.8 * whole


def test_axes_are_labeled_and_notes_stand_where_they_sound(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        matplotlib.axes.Axes,
        "add_collection",
        lambda axes, collection: drawn.append((axes, collection)),
    )
    draw_piano_roll(four_voices(), tmp_path / "roll.png")
    axes = drawn[0][0]
    assert axes.get_xlabel() == "time (seconds)"
    assert axes.get_ylabel() == "pitch"
    assert {"C4", "E4", "G4"} <= {label.get_text() for label in axes.get_yticklabels()}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        f"part {voice}" for voice in range(4)
    ]
    corners = drawn[0][1].get_paths()[2].vertices  # the soprano's third note
    assert corners[:, 0].min() == 2.0 and corners[:, 0].max() == 3.0
    assert corners[:, 1].mean() == pytest.approx(72, abs=0.3)


def test_nothing_global_changes(tmp_path):
    before = dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False)
    draw_piano_roll(four_voices(), tmp_path / "roll.png")
    after = dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False)
    assert before == after


def test_no_notes_and_no_place(tmp_path):
    draw_piano_roll(NoteSequence(), tmp_path / "empty.png")
    assert os.listdir(tmp_path) == ["empty.png"]
    with pytest.raises(UserError, match="cannot write"):
        draw_piano_roll(NoteSequence(), tmp_path / "empty.png" / "roll.png")
