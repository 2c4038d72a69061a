import subprocess
import sys

from tfmusic.music.note_sequence import NoteSequence


def test_importing_it_shows_nothing():
    code = "from tfmusic.music.note_sequence import NoteSequence, midi_io"
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_it_is_note_seqs_own():
    from note_seq import NoteSequence as original

    assert NoteSequence is original
