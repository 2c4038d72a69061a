"""What is compiled for a TPU, and what is read of the compiler's answer."""

import stat
import sys

import pytest

from benchmarks import tpu
from tfmusic.errors import UserError
from tfmusic.models.mixers import ENCODER_MIXERS, MIXERS
from tfmusic.presets import PRESETS


@pytest.fixture
def compile_step(tmp_path):
    """`compile_step` with a program in the compiler's place that prints a text."""

    def run(text, code=0):
        path = tmp_path / "compiler"
        path.write_text(
            f"#!{sys.executable}\nprint({text!r})\nraise SystemExit({code})"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return tpu.compile_step("causal", str(path), "v5e:2x2")

    return run


def test_every_preset_and_mixer_has_a_step_of_each_dtype():
    names = {*MIXERS, *ENCODER_MIXERS, *(f"preset_{name}" for name in PRESETS)}
    assert names | {f"{name}_bfloat16" for name in names} <= {*tpu.steps()}
    step = tpu.steps()["preset_piano_bfloat16"]
    assert (step.batch_size, step.length, step.dtype) == (2, 2048, "mixed_bfloat16")
    whole = tpu.steps()["preset_piano_accumulated"]
    assert (whole.batch_size, whole.accumulation) == (16, 8)


def test_a_step_is_one_replicas():
    replica, (inputs, targets, weights) = tpu.preset_article()
    assert targets.shape == inputs["tokens"].shape == weights.shape == [4, 64]
    assert replica.optimizer.built and replica.trainable_variables
    with pytest.raises(AttributeError, match="no step 'nothing'"):
        _ = tpu.nothing


def test_numbers_and_refusals_become_a_table(compile_step):
    row = {"batch_size": 2, "length": 8}
    numbers = compile_step(
        "compiled for v5e:2x2 in 9 s\narguments 1024.0 MiB\ntemporary 3072.0 MiB\n"
        "flops 2.000e+12\nbytes 5.000e+10\nestimated 12.5 ms a step"
    )
    assert numbers["flops"] == 2e12 and numbers["seconds"] >= 0
    refusal = compile_step("wrote\nREFUSED for v5e:2x2: dynamic shape\nmore", code=1)
    assert refusal == {"failed": "REFUSED for v5e:2x2: dynamic shape"}
    rows = [{"step": "a", **row, **numbers}, {"step": "b", **row, **refusal}]
    _, _, first, second = tpu.table(rows).splitlines()
    assert first == "| a | 2 x 8 | 1,024 | 3,072 | 25.0% | 2,000.0 | 50.00 | 12.50 |"
    assert second.startswith("| b | 2 x 8 | REFUSED") and second.count("|") == 9


def test_no_compiler_is_one_line():
    with pytest.raises(UserError, match="--compiler=/nowhere/compiler: No such file"):
        tpu.compile_step("causal", "/nowhere/compiler", "v5e:2x2")
