"""Ids of every tokenizer that often mean something, and their notes as tuples."""

import json

import numpy as np
from hypothesis import strategies as st

from tests.tokenizers.metric_music import ids_of
from tfmusic.export import runtime
from tfmusic.music.note_arrays import add_notes, note_arrays
from tfmusic.tokenizers import (
    ChoraleTokenizer,
    MelodyTokenizer,
    MultitrackTokenizer,
    PerformanceTokenizer,
    RemiTokenizer,
)
from tfmusic.tokenizers.sustain import apply_sustain, read_pedal

CHORALE = ChoraleTokenizer()
MELODY = MelodyTokenizer()
PERFORMANCE = PerformanceTokenizer()
PEDAL = PerformanceTokenizer("keep", num_velocity_bins=31, steps_per_second=10)
REMI = RemiTokenizer(chords=True, drums=True)
MULTITRACK = MultitrackTokenizer(num_bars=2)
TOKENIZERS = {
    "chorale": CHORALE,
    "melody": MELODY,
    "performance": PERFORMANCE,
    "performance without velocity": PerformanceTokenizer("ignore", 0),
    "performance with pedal": PEDAL,
    "remi": REMI,
    "multitrack": MULTITRACK,
}
TABLES = {
    tokenizer: json.loads(tokenizer.to_json()) for tokenizer in TOKENIZERS.values()
}
_KEYS = ["NOTE_ON 60", "NOTE_OFF 60", "NOTE_ON 61", "NOTE_OFF 61", "NOTE_ON 60"]
_KEYS += ["TIME_SHIFT 1", "TIME_SHIFT 3", "TIME_SHIFT 1"]
_LIKELY = {
    CHORALE: ["REST 0", "PITCH 60", "PITCH 60", "PITCH 62"],
    MELODY: ["REST 0", "HOLD 0", "HOLD 0", "NOTE 60", "NOTE 62"],
    PERFORMANCE: [*_KEYS, "VELOCITY 9"],
    TOKENIZERS["performance without velocity"]: _KEYS,
    PEDAL: [
        *_KEYS,
        "VELOCITY 9",
        "SUSTAIN_ON 0",
        "SUSTAIN_OFF 0",
        "SUSTAIN_ON 0 NOTE_ON 60 TIME_SHIFT 1 NOTE_OFF 60 TIME_SHIFT 1",
        "NOTE_ON 61 TIME_SHIFT 1 NOTE_OFF 61 SUSTAIN_OFF 0 TIME_SHIFT 1",
    ],
    REMI: [
        "BAR 16",
        "BAR 6",
        "POSITION 1",
        "POSITION 7",
        "TEMPO_CLASS 2 TEMPO_VALUE 7",
        "TEMPO_CLASS 0 TEMPO_VALUE 0",
        "CHORD 8",
        "PITCH 60 VELOCITY 9 DURATION 8",
        "DRUM 36 VELOCITY 32 DURATION 1",
        "PITCH 62 VELOCITY 9",
    ],
    MULTITRACK: [
        "PIECE_START 0",
        "TRACK_START 0 INSTRUMENT 5 DENSITY 1 BAR_START 16",
        "TRACK_START 0 DRUMS 0 DENSITY 1 BAR_START 12 DRUM_ON 36",
        "TRACK_START 0",
        "BAR_START 4",
        "BAR_END 0",
        "TRACK_END 0",
        "NOTE_ON 60",
        "NOTE_OFF 60",
        "DRUM_ON 38",
        "TIME_DELTA 6",
        "TIME_DELTA 40",
        "FILL_IN 0",
        "FILL_START 0",
        "NOTE_ON 64 TIME_DELTA 3 FILL_END 0",
    ],
}


def likely_ids(tokenizer, max_size=40):
    """Random ids, in runs that often mean something."""
    runs = st.sampled_from([ids_of(tokenizer, text) for text in _LIKELY[tokenizer]])
    any_id = st.integers(-3, tokenizer.vocabulary.size + 3) | st.just(2**40)
    run = runs | runs | any_id.map(lambda token: [token])
    return st.lists(run, max_size=max_size).map(lambda runs: sum(runs, []))


def as_tuple(note):
    """A note of the runtime."""
    place = (note.track, note.start, note.end, note.pitch)
    return place + (note.velocity, note.program, note.is_drum)


def as_tuples(sequence):
    """The notes of a NoteSequence, sorted."""
    return sorted(
        (note.instrument, note.start_time, note.end_time, note.pitch)
        + (note.velocity, note.program, note.is_drum)
        for note in sequence.notes
    )


def check(tokenizer, ids):
    """Checks that the runtime's notes are the tokenizer's."""
    expected, num_invalid = tokenizer.decode(np.array(ids, np.int64))
    if tokenizer.options.get("sustain") == "keep":  # there is no pedal in the runtime
        sounding = apply_sustain(note_arrays(expected), read_pedal(expected))
        del expected.notes[:]
        add_notes(expected, sounding)
    notes, invalid = runtime.decode(ids, TABLES[tokenizer])
    assert invalid == num_invalid
    assert sorted(map(as_tuple, notes)) == as_tuples(expected)
