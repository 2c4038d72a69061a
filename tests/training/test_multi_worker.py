"""Two processes on this machine as two workers: equal to one, killed, started again."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import MODEL, TOKENIZER, TRAIN, write_jsb
from tfmusic.models import make_model
from tfmusic.training import run
from tfmusic.training.interruption import EX_TEMPFAIL
from tfmusic.training.strategy import WorkerLost

CHECKOUT = Path(__file__).parents[2]

STEPS = 12
CHECKPOINT_EVERY = 4
KILLED_AFTER = 9  # steps, when nothing of the last one is in a checkpoint

TINY = [
    *("--set=num_layers=1", "--set=num_heads=2", "--set=hidden_dim=8"),
    *("--set=intermediate_dim=8", "--set=max_length=16", "--set=length=16"),
    # Keys' biases have no gradient but rounding errors: see `tests.tiny`.
    *("--set=attention_bias=False", "--set=schedule=constant"),
    *("--set=batch_size=4", f"--steps={STEPS}", "--set=evaluate_every=6"),
    *("--set=log_every=1", f"--set=checkpoint_every={CHECKPOINT_EVERY}"),
    # The gradient is clipped, and averages are what is evaluated.
    *("--set=clip_norm=0.1", "--set=ema=0.9", "--set=watch_every=0"),
]

# The command, but a worker that is gone is missed after 10 seconds, not after a minute.
# One of them sends itself a signal, so that it comes after the same step anywhere.
PROGRAM = """
import json, os, runpy, signal
from tfmusic.quiet import import_tensorflow
import_tensorflow()
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context
workers = len(json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"])
context.context().configure_coordination_service(
    "standalone",
    service_leader="/job:worker/replica:0/task:0",
    heartbeat_timeout_in_ms=10_000,
    coordinated_jobs=[
        coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=workers)
    ],
)
if os.environ["SIGNAL"]:
    from tfmusic.training.execution import Execution
    number, after = map(int, os.environ["SIGNAL"].split())
    execute = Execution.__call__
    calls = []
    def count(self, *arguments):
        if len(calls) == after:
            os.kill(os.getpid(), number)
        calls.append(arguments)
        return execute(self, *arguments)
    Execution.__call__ = count
runpy.run_module("tfmusic.train", run_name="__main__")
"""


# Workers that do not see one folder have restored different steps.
APART = """
import json, os
from tfmusic.quiet import import_tensorflow
import_tensorflow()
from tfmusic.errors import UserError
from tfmusic.training.strategy import check_step, get_strategy
strategy = get_strategy("multi_worker")
check_step(strategy, 7, "same")
try:
    check_step(strategy, strategy.cluster_resolver.task_id, "folder")
except UserError as error:
    print(error)
"""


def start_workers(program, *arguments, sends=""):
    """Two processes, as the workers of one training.

    Args:
        program, arguments: what each runs.
        sends: number of the signal that the second one sends itself, and of the calls
            after which it does.
    """
    servers = [socket.create_server(("localhost", 0)) for _ in range(2)]
    addresses = [f"localhost:{server.getsockname()[1]}" for server in servers]
    for server in servers:
        server.close()
    return [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "SIGNAL": sends if index == 1 else "",
                "TF_CONFIG": json.dumps(
                    {
                        "cluster": {"worker": addresses},
                        "task": {"type": "worker", "index": index},
                    }
                ),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def ends(workers):
    """Exit code, output and errors of each."""
    try:
        outputs = [worker.communicate(timeout=300) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [
        (worker.returncode, *output)
        for worker, output in zip(workers, outputs, strict=True)
    ]


def write_teacher(folder):
    """A run to learn from, which one worker copies while the other waits."""
    run.write_settings(folder, MODEL, TRAIN, TOKENIZER)
    run.save_best(make_model(MODEL), folder, {"step": 1, "nats_per_token": 1.0})


def lines(folder):
    return [
        json.loads(line) for line in (folder / run.METRICS).read_text().splitlines()
    ]


def test_two_workers_learn_what_one_process_learns_though_one_is_killed_or_ended(
    command, tmp_path
):
    data = tmp_path / "data"
    path = write_jsb(tmp_path / "jsb.json")
    arguments = [*TINY, "--dataset=jsb_chorales", f"--input={path}"]
    arguments.append(f"--data_dir={data}")
    write_teacher(teacher := str(tmp_path / "teacher"))
    arguments.append(f"--set=teacher={teacher}")
    alone, folder = tmp_path / "alone", tmp_path / "run"
    code, _, errors = command("train", *arguments, f"--model_dir={alone}")
    assert code == 0, errors

    arguments += ["--strategy=multi_worker", f"--model_dir={folder}"]
    sends = f"{int(signal.SIGKILL)} {KILLED_AFTER}"
    workers = start_workers(PROGRAM, *arguments, sends=sends)
    (chief_code, _, chief_errors), (other_code, *_) = ends(workers)
    assert other_code == -signal.SIGKILL
    assert chief_code == WorkerLost.exit_code, chief_errors
    assert chief_errors == (
        "tfmusic: another worker is gone: start all workers again, they go on from the "
        "last checkpoint\n"
    )
    assert lines(folder)[-1]["step"] == KILLED_AFTER

    # The other one is preempted: both learn it, end after the same step, and save.
    sends = f"{int(signal.SIGTERM)} 0"
    chief, other = ends(start_workers(PROGRAM, *arguments, sends=sends))
    assert (chief[0], other[0]) == (EX_TEMPFAIL, EX_TEMPFAIL), chief[2] + other[2]
    assert ", from step 8\n" in chief[1]
    assert "stopped by SIGTERM at step 11, which is saved" in chief[2]

    chief, other = ends(start_workers(PROGRAM, *arguments))
    assert (chief[0], other[0]) == (0, 0), chief[2] + other[2]
    assert ", from step 11\n" in chief[1]

    # Each step is there once: the other worker wrote nothing, and printed nothing.
    assert "step" not in other[1] and len(os.listdir(folder / "logs")) == 3
    assert {p.name for p in folder.iterdir()} == {p.name for p in alone.iterdir()}
    expected = lines(alone)
    assert [line["step"] for line in expected if line["on"] == "train"] == [
        *range(1, STEPS + 1)
    ]
    found = [line for line in lines(folder) if line["on"] != "interruption"]
    for line, other_line in zip(found, expected, strict=True):
        assert (line["on"], line["step"]) == (other_line["on"], other_line["step"])
        assert line["nats_per_token"] == pytest.approx(
            other_line["nats_per_token"], rel=1e-4
        )


def test_workers_that_do_not_share_a_folder_are_told_so():
    for code, printed, errors in ends(start_workers(APART)):
        assert code == 0, errors
        assert "different steps in folder ([0, 1]): give a --model_dir" in printed
