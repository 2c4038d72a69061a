import signal
import sys
import threading
import time

import pytest

from tfmusic.errors import UserError
from tfmusic.music.limits import Limits

resource = pytest.importorskip("resource")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="counts memory by /proc")


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def state():
    return (
        signal.getsignal(signal.SIGALRM),
        signal.getitimer(signal.ITIMER_REAL),
        resource.getrlimit(resource.RLIMIT_DATA),
    )


def test_too_long_is_one_line_and_all_is_as_before():
    before = state()
    begin = time.monotonic()
    with pytest.raises(UserError, match="cannot read song.mid: .*0.05 seconds"):
        with Limits(seconds=0.05).enforced("song.mid"):
            spin(5)
    assert time.monotonic() - begin < 2
    assert state() == before


def test_an_alarm_that_is_swallowed_goes_off_again():
    with pytest.raises(UserError, match="0.05 seconds"):
        with Limits(seconds=0.05).enforced("song.mid"):
            try:
                spin(5)
            except UserError:
                spin(5)


@on_linux
def test_too_much_memory_is_one_line_and_all_is_as_before():
    before = state()
    with pytest.raises(UserError, match="cannot read song.mid: .*64 MiB"):
        with Limits(memory=2**26).enforced("song.mid"):
            bytearray(2**27)
    assert state() == before
    assert len(bytearray(2**27)) == 2**27


@on_linux
def test_what_stays_within_the_limits_is_let_be():
    before = state()
    with Limits(memory=2**28).enforced("song.mid"):
        assert len(bytearray(2**26)) == 2**26
        assert resource.getrlimit(resource.RLIMIT_DATA) != before[2]
    assert state() == before


@pytest.mark.parametrize("inner", [5, 0.01])
def test_the_outermost_of_nested_limits_holds(inner):
    before = state()
    with pytest.raises(UserError, match="cannot read folder: .* 0.2 seconds"):
        with Limits(seconds=0.2).enforced("folder"):
            with Limits(seconds=inner).enforced("song.mid"):
                spin(0.05)
            spin(5)
    assert state() == before
    with pytest.raises(UserError, match="0.05 seconds"):
        with Limits(seconds=0.05).enforced("song.mid"):
            spin(5)


def test_an_alarm_of_somebody_else_goes_on():
    rung = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        for _ in range(10):
            with Limits(seconds=0.2).enforced("song.mid"):
                spin(0.05)
        assert rung
    finally:
        signal.signal(signal.SIGALRM, handler)


def test_other_errors_pass_and_all_is_as_before():
    before = state()
    with pytest.raises(ZeroDivisionError):
        with Limits().enforced("song.mid"):
            1 / 0  # noqa: B018
    assert state() == before


def test_another_thread_has_no_limits_but_works():
    found = []

    def work():
        with Limits(seconds=0.01, memory=2**20).enforced("song.mid"):
            spin(0.05)
            found.append(bytearray(2**22))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(found) == 1
