"""Damage of every kind, at random: music that is sane or one line, never a crash."""

import os
import random
import zipfile

import numpy as np
import pytest

from tests.music.midi_bytes import END, midi_file
from tests.music.test_score_file import SCORE, zipped
from tfmusic.errors import UserError
from tfmusic.music import parse_sequence
from tfmusic.music.note_arrays import note_arrays

DATA = os.path.join(os.path.dirname(__file__), "../../../shared/data")

CHORD = "00 903C40 00 4041 00 4342 60 3C00 00 4000 00 4300 "
DRUMS = "00 992440 18 2400 00 2A50 18 892A40 "
MADE = [
    midi_file("00 FF51030927C0 00 FF580404021808 " + END, f"00 C034 {CHORD * 8}{END}"),
    midi_file(f"00 B04040 {CHORD} 00 C105 00 E10040 00 D140 41 {DRUMS * 8}{END}"),
    midi_file(
        f"00 FF5902FD01 {CHORD} 00 F00341 42F7 {CHORD}{END}",
        f"00 FF030541424344 45 {DRUMS}{END}",
        f"8140 FF51030F4240 60 FF5103030D40 {END}",
        division="E728",
    ),
]
TOKENS = [b"MTrk", b"MThd", b"\xff\xff\xff\x7f", b"\xff\x51\x03", b"\0\xff\x2f\0"]


def real_files():
    found = []
    for archive in ("pop909-main.zip", "groove-midi.zip"):
        path = os.path.join(DATA, archive)
        if os.path.exists(path):
            with zipfile.ZipFile(path) as files:
                names = [name for name in sorted(files.namelist()) if ".mid" in name]
                found += [files.read(name) for name in names[::200]]
    return found


def mutant(rng, sources):
    """A file with one to eight wounds, of which some are in its first bytes."""
    data = bytearray(rng.choice(sources))
    for _ in range(rng.choice([1, 1, 2, 4, 8])):
        place = rng.randrange(min(len(data), rng.choice([60, 2**20])) + 1)
        kind = rng.randrange(7)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place + rng.randrange(2**10) :]
        elif kind == 2:
            del data[place : place + rng.randrange(1, 40)]
        elif kind == 3:
            data[place:place] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 4:
            data[place : place + 4] = rng.choice(TOKENS)
        elif kind == 5:
            donor = rng.choice(sources)
            begin = rng.randrange(len(donor))
            data[place:place] = donor[begin : begin + rng.randrange(200)]
        else:
            track = data.find(b"MTrk", place)
            length = rng.choice([bytes(4), b"\xff" * 4, rng.randbytes(4)])
            data[track + 4 : track + 8] = length
    return bytes(data)


def assert_sane(sequence):
    notes = note_arrays(sequence)
    assert np.isfinite(notes.start).all() and np.isfinite(notes.end).all()
    assert (notes.start >= 0).all() and (notes.end >= notes.start).all()
    assert ((notes.pitch >= 0) & (notes.pitch <= 127)).all()
    assert ((notes.velocity >= 1) & (notes.velocity <= 127)).all()
    assert ((notes.program >= 0) & (notes.program <= 127)).all()
    assert (notes.end <= sequence.total_time).all()
    assert all(0 < tempo.qpm < np.inf for tempo in sequence.tempos)


def outcomes(rng, sources, name, count):
    """How many mutants were music, and how many one line."""
    read = refused = 0
    for _ in range(count):
        data = mutant(rng, sources)
        try:
            assert_sane(parse_sequence(data, name))
            read += 1
        except UserError as error:
            assert name in str(error) and "\n" not in str(error)
            refused += 1
        except BaseException as error:
            error.add_note(f"data: {data.hex()}")
            raise
    return read, refused


@pytest.mark.parametrize("seed", range(3))
def test_mutants_of_made_files(seed):
    read, refused = outcomes(random.Random(seed), MADE, "song.mid", 700)
    assert read > 200 and refused > 70


def test_mutants_of_real_files():
    sources = real_files()
    if not sources:
        pytest.skip("needs the standard data")
    read, refused = outcomes(random.Random(0), sources, "song.mid", 300)
    assert read > 90 and refused > 30


@pytest.mark.parametrize("source", [SCORE.encode(), zipped(SCORE)], ids=["xml", "mxl"])
def test_mutants_of_scores(source):
    read, refused = outcomes(random.Random(0), [source], "song.mxl", 200)
    assert read and refused
