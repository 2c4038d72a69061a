import numpy as np

from tests.export.token_music import CHORALE, TABLES, as_tuples
from tfmusic.export import runtime
from tfmusic.music import read_sequence


def test_a_midi_file_reads_as_the_tokenizers_notes(tmp_path):
    rng = np.random.default_rng(0)
    ids = np.repeat(rng.integers(4, 50, (40, 4)), rng.integers(1, 9, 40), axis=0)
    expected, _ = CHORALE.decode(ids.reshape(-1))
    notes, _ = runtime.decode(ids.reshape(-1), TABLES[CHORALE])
    runtime.write_midi(notes, tmp_path / "new" / "music.mid")
    sequence = read_sequence(tmp_path / "new" / "music.mid")
    assert len(sequence.notes) > 100
    read, written = as_tuples(sequence), as_tuples(expected)
    assert [x[:1] + x[3:] for x in read] == [x[:1] + x[3:] for x in written]
    np.testing.assert_allclose(
        [x[1:3] for x in read], [x[1:3] for x in written], atol=1e-9
    )
    assert [tempo.qpm for tempo in sequence.tempos] == [120.0]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["music.mid"]


def test_many_tracks_leave_the_drums_channel_alone(tmp_path):
    notes = [runtime.Note(0, 1, 40 + i, program=i, track=i) for i in range(12)]
    runtime.write_midi(notes, tmp_path / "music.mid")
    sequence = read_sequence(tmp_path / "music.mid")
    assert sorted(note.pitch for note in sequence.notes) == list(range(40, 52))
    assert not any(note.is_drum for note in sequence.notes)


def test_no_notes_are_a_file_too(tmp_path):
    runtime.write_midi([], tmp_path / "music.mid")
    assert not read_sequence(tmp_path / "music.mid").notes


def test_lengths_are_written_as_the_midi_standard_shows():
    for value, digits in (
        (0, "00"),
        (0x40, "40"),
        (0x7F, "7f"),
        (0x80, "8100"),
        (0x2000, "c000"),
        (0x3FFF, "ff7f"),
        (0x100000, "c08000"),
        (0x0FFFFFFF, "ffffff7f"),
    ):
        assert runtime._variable_length(value).hex() == digits
