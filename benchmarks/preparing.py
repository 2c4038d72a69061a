"""How fast MAESTRO is prepared, against note-seq's own reader and encoder.

    python -m benchmarks.preparing --input=maestro-v3.0.0-midi.zip [--files=60]

note-seq reads and encodes one file after the other, as its users do; of a sample of
the files the seconds of the processor are taken and scaled by the notes to all of
them. `tfmusic.prepare` does all of it: reading, shards, ids, report. Every id of the
sample is compared.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from tfmusic.datasets.input_files import read_file
from tfmusic.datasets.maestro_files import list_performances
from tfmusic.datasets.pieces import Pieces
from tfmusic.datasets.registry import prepare
from tfmusic.datasets.source import SPLITS
from tfmusic.tokenizers import NUM_SPECIAL


def note_seq_ids(data: bytes) -> tuple[np.ndarray, int]:
    """The ids of a file by note-seq alone, and its number of notes."""
    from note_seq import PerformanceOneHotEncoding, midi_io, sequences_lib
    from note_seq.performance_lib import Performance

    import tfmusic.music.note_sequence  # noqa: F401, imports note-seq quietly

    sequence = midi_io.midi_to_note_sequence(data)
    num_notes = len(sequence.notes)
    sequence = sequences_lib.apply_sustain_control_changes(sequence)
    quantized = sequences_lib.quantize_note_sequence_absolute(sequence, 100)
    encoding = PerformanceOneHotEncoding(num_velocity_bins=32)
    performance = Performance(quantized, num_velocity_bins=32)
    ids = [encoding.encode_event(event) for event in performance]
    return np.array(ids, np.int32) + NUM_SPECIAL, num_notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input", required=True, help="MAESTRO v3, a zip or folder")
    parser.add_argument("--files", type=int, default=60, help="of the sample; 0: all")
    options = parser.parse_args()
    items = list_performances(options.input, "v3.0.0").items
    sample = items
    if options.files:
        sample = items[:: max(1, len(items) // options.files)][: options.files]

    # First, in a process that holds little else: note-seq's objects are many, and
    # Python looks for garbage among all that there are.
    note_seq_ids(read_file(options.input, sample[0].location[1]))  # imports
    seconds, notes, expected = 0.0, 0, {}
    for item in sample:
        data = read_file(options.input, item.location[1])
        begin = time.process_time()
        expected[item.name], num_notes = note_seq_ids(data)
        seconds += time.process_time() - begin
        notes += num_notes

    with tempfile.TemporaryDirectory() as data_dir:
        command = [sys.executable, "-m", "tfmusic.prepare", "--dataset=maestro"]
        command += [f"--input={options.input}", f"--data_dir={data_dir}"]
        begin = time.monotonic()
        subprocess.run(command, check=True)
        ours = time.monotonic() - begin
        report = prepare("maestro", data_dir)
        folder = report["tokens_dir"]
        pieces = {
            split: Pieces.load(os.path.join(folder, f"{split}.npz")) for split in SPLITS
        }
    ids = {
        name: split_pieces.piece(index)
        for split_pieces in pieces.values()
        for index, name in enumerate(split_pieces.names)
    }
    differing = [
        name for name in expected if not np.array_equal(expected[name], ids[name])
    ]
    all_notes = sum(counts["notes"] for counts in report["splits"].values())
    theirs = seconds / notes * all_notes
    print(f"notes: {all_notes:,} in {len(items):,} files")
    print(f"tfmusic.prepare: {ours:.0f} s, all of it, {os.cpu_count()} cores")
    print(
        f"note-seq: {theirs:.0f} s by {len(sample)} files of {notes:,} notes, "
        f"{theirs / ours:.1f} times as long"
    )
    print(f"files of the sample with other ids: {differing or 'none'}")


if __name__ == "__main__":
    main()
