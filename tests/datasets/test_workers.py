"""Tasks in processes that raise, hang, die and print."""

import os
import signal
import sys
import time

import pytest

from tfmusic.datasets.workers import FEW, Workers, default_num_workers
from tfmusic.errors import UserError

MODULE = "tests.datasets.test_workers"


def work(task):
    """What the processes of these tests do."""
    what, value = task
    if what == "raise":
        raise UserError(value)
    if what == "crash":
        raise KeyError(value)
    if what == "value":
        raise ValueError(value)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        time.sleep(value)
    if what == "print":
        print(value)
    if what == "process":
        return os.getpid(), "tensorflow" in sys.modules
    return value


def results(tasks, num_workers=2, seconds=None):
    with Workers(num_workers) as workers:
        found = list(workers.run(f"{MODULE}:work", tasks, seconds))
    return [str(x) if isinstance(x, UserError) else x for x in found]


def numbers(count=FEW):
    return [("give", number) for number in range(count)]


def test_a_few_tasks_are_done_here():
    tasks = [("process", 0), ("raise", "no music"), ("crash", "x"), ("give", 5)]
    mine, *others = results(tasks)
    assert mine[0] == os.getpid()
    assert others == ["no music", "unexpected KeyError: 'x'", 5]


def test_many_tasks_are_done_elsewhere_and_come_back_in_order():
    tasks = [("sleep", 0.05), *numbers(60), ("print", "loud"), ("process", 0)]
    found = results(tasks)
    assert found[1:61] == list(range(60)) and found[61] == "loud"
    process, has_tensorflow = found[62]
    assert process != os.getpid()
    assert not has_tensorflow


def test_what_fails_is_told_and_the_rest_goes_on():
    bad = [("raise", "no music"), ("crash", "x"), ("die", 0), ("give", 1)]
    found = results(numbers() + bad + numbers())
    assert found[:FEW] == found[-FEW:] == list(range(FEW))
    assert found[FEW:-FEW] == [
        "no music",
        "unexpected KeyError: 'x'",
        "the process that read it died",
        1,
    ]


def test_a_process_that_hangs_is_killed():
    tasks = [*numbers(), ("sleep", 60), *numbers()]
    begin = time.monotonic()
    # Long enough for a process to start in.
    found = results(tasks, seconds=8)
    assert time.monotonic() - begin < 50
    assert found[FEW] == "took longer than 8 seconds"
    assert found[FEW + 1 :] == list(range(FEW))


def test_tasks_are_taken_as_they_are_needed():
    taken = []

    def tasks():
        for number in range(500):
            taken.append(number)
            yield ("give", number)

    with Workers(2) as workers:
        found = workers.run(f"{MODULE}:work", tasks())
        assert [next(found) for _ in range(3)] == [0, 1, 2]
        assert len(taken) < 100


def test_processes_serve_one_call_after_another():
    with Workers(2) as workers:
        first, second = (
            {
                process
                for process, _ in workers.run(
                    f"{MODULE}:work", [("process", 0)] * 2 * FEW
                )
            }
            for _ in range(2)
        )
    assert 1 <= len(first | second) <= 2
    assert os.getpid() not in first | second


def test_the_number_of_processes():
    assert 1 <= default_num_workers() <= os.cpu_count()


@pytest.mark.parametrize("count", [1, 2 * FEW])
def test_an_unknown_function_is_an_error(count):
    with pytest.raises(AttributeError):
        list(Workers(2).run(f"{MODULE}:nothing", numbers(count)))


def test_what_cannot_be_sent_is_an_error():
    with pytest.raises(AttributeError, match="pickle"):
        results([*numbers(), lambda: 0])


def test_processes_that_do_not_start_are_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match="No such file .*: try --workers=1"):
        results(numbers())
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UserError, match="ends at once.*: try --workers=1"):
        results(numbers())


def test_who_wants_no_more_does_not_wait_for_the_rest():
    with Workers(2) as workers:
        found = workers.run(f"{MODULE}:work", [*numbers(), *[("sleep", 60)] * 4])
        assert next(found) == 0
        begin = time.monotonic()
    assert time.monotonic() - begin < 20


def test_an_unexpected_error_is_one_line():
    assert results([("crash", "a\nb")]) == [r"unexpected KeyError: 'a\nb'"]
    assert results([("value", "a\nb")]) == ["unexpected ValueError: a b"]
