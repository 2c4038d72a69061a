from tests.datasets.test_pop909_files import BEATS
from tests.datasets.tiny_files import midi, write_files
from tfmusic.datasets.arrangement import split_of
from tfmusic.datasets.pop909 import Pop909
from tfmusic.music.note_sequence import NoteSequence


def test_songs_are_split_by_their_numbers_and_keep_their_beats(tmp_path):
    files = {"POP909/001/beat_midi.txt": BEATS}
    for number in range(1, 23):
        files[f"POP909/{number:03d}/{number:03d}.mid"] = midi(40 + number)
    files["POP909/005/beat_midi.txt"] = "not a beat"
    builder = Pop909(
        input=write_files(tmp_path / "pop909.zip", files),
        data_dir=str(tmp_path / "data"),
        log=lambda line: None,
    )
    builder.prepare()
    report = builder.report()
    assert report["files"]["given"] == 22
    assert list(report["files"]["skipped"]) == ["005"]
    found = {}
    for split in ("train", "validation", "test"):
        for example in builder.as_dataset(split=split).as_numpy_iterator():
            name = example["id"].decode()
            assert split_of(name) == split
            found[name] = NoteSequence.FromString(example["sequence"])
    assert len(found) == 21
    assert len(found["001"].text_annotations) == 7
    assert not found["002"].text_annotations
