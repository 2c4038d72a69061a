import random

import numpy as np
import pytest

from tests.music.midi_bytes import END
from tfmusic.music.midi_events import read_track


def rows(events):
    track = read_track(bytes.fromhex(events))
    columns = (track.tick, track.status, track.data1, track.data2)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def channel_rows(events):
    return [row for row in rows(events) if row[1] < 0xF0]


def test_running_status_and_long_times():
    assert rows("00 903C40 60 3C00 8140 804340 01 4340 FFFFFF7F 904C50 " + END) == [
        (0, 0x90, 60, 64),
        (96, 0x90, 60, 0),
        (288, 0x80, 67, 64),
        (289, 0x80, 67, 64),
        (289 + 2**28 - 1, 0x90, 76, 80),
    ]


@pytest.mark.parametrize(
    "between",
    [
        "00 FF0103 414243",  # text
        "00 F003 4142F7",  # system exclusive
        "00 F702 4142",
        "00 FF7F00",
        "00 FF4B01 00",  # of an unknown type
        "00 F8",  # the clock, which has no place in a file
        "00 F24142",
    ],
)
def test_running_status_goes_on_after_other_events(between):
    events = f"00 913C40 {between} 60 3C00 {END}"
    assert channel_rows(events) == [(0, 0x91, 60, 64), (96, 0x91, 60, 0)]


def test_the_time_before_any_event_counts():
    events = f"10 FF7F00 10 F000 10 C034 10 36 10 D040 10 903C40 {END}"
    assert [(tick, status) for tick, status, _, _ in channel_rows(events)] == [
        (48, 0xC0),
        (64, 0xC0),
        (80, 0xD0),
        (96, 0x90),
    ]
    assert [data1 for _, _, data1, _ in channel_rows(events)] == [52, 54, 64, 60]


def test_meta_events_that_matter():
    track = read_track(
        bytes.fromhex(f"00 903C40 00 FF0302 4142 00 FF0101 43 08 FF5103 0927C0 {END}")
    )
    assert track.meta == [(1, 0x03, b"AB"), (3, 0x51, b"\x09\x27\xc0")]
    assert track.tick[3] == 8


def test_nothing_comes_after_the_end_of_a_track():
    assert channel_rows(f"00 903C40 {END} 00 904040") == [(0, 0x90, 60, 64)]


@pytest.mark.parametrize(
    "damaged, reason",
    [
        ("00 4040", ""),  # is none
        ("00 90C040", "lacks a data byte"),
        ("00 9040C0", "lacks a data byte"),
        ("00 C0FF", "lacks a data byte"),
        ("00 F44040", "status 0xf4 is unknown"),
        ("8080808000 904040", "longer than four bytes"),
        ("00 FF01 8080808000", "longer than four bytes"),
        ("00 9040", "ends within an event"),
        ("00 FF", "ends within an event"),
        ("00 FF0105 41", "ends within an event"),
        ("00 F0FFFFFF7F 41", "ends within an event"),
        ("80", "ends within an event"),
    ],
)
def test_what_comes_before_damage_is_kept(damaged, reason):
    track = read_track(bytes.fromhex(f"00 903C40 60 3C00 {damaged}"))
    assert reason in track.damage and bool(reason) == bool(track.damage)
    assert track.tick[:2].tolist() == [0, 96]
    assert len(track.tick) == (2 if reason else 3)


def test_a_status_must_come_first():
    assert "no status" in read_track(bytes.fromhex("00 3C40 " + END)).damage
    assert "no status" in read_track(bytes.fromhex("00 FF0100 00 3C40")).damage
    # A program change's running status has one data byte.
    assert channel_rows("00 C034 00 35 00 36 " + END)[1:] == [
        (0, 0xC0, 0x35, 0),
        (0, 0xC0, 0x36, 0),
    ]


def test_an_empty_track():
    assert rows("") == rows(END) == []


def naive(data):
    """Channel messages of a well-formed track, byte by byte."""
    place = tick = status = 0
    found = []
    while place < len(data):
        delta = 0
        while True:
            byte = data[place]
            place += 1
            delta = delta * 128 + byte % 128
            if byte < 128:
                break
        tick += delta
        if data[place] >= 128:
            status = data[place]
            place += 1
        size = 1 if status >> 4 in (0xC, 0xD) else 2
        found.append((tick, status, *data[place : place + size]))
        place += size
    return found


def test_a_long_track_equals_a_naive_reading():
    rng = random.Random(0)
    data, status = bytearray(), None
    for _ in range(3000):
        delta = rng.choice([0, 5, 127, 128, 16383, 16384, 2**21])
        digits = [delta >> 7 * index & 0x7F for index in range(4)]
        while len(digits) > 1 and not digits[-1]:
            digits.pop()
        data += bytes(digit | 0x80 for digit in digits[:0:-1]) + bytes([digits[0]])
        if status is None or rng.random() < 0.3:
            status = rng.choice([0x80, 0x93, 0xA1, 0xB5, 0xC2, 0xD4, 0xEF])
            data.append(status)
        size = 1 if status >> 4 in (0xC, 0xD) else 2
        data += bytes(rng.randrange(128) for _ in range(size))
    track = read_track(bytes(data))
    expected = naive(data)
    assert track.damage == "" and len(track.tick) == 3000
    assert track.tick.dtype == np.int64
    for index, (tick, status, data1, *data2) in enumerate(expected):
        assert (track.tick[index], track.status[index]) == (tick, status)
        assert track.data1[index] == data1
        assert not data2 or track.data2[index] == data2[0]
