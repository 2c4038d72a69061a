"""Commands: flags in, one line for what the user can mend, exit codes."""

import errno

import pytest
from absl import flags

from tfmusic.errors import UserError, run_command

USAGE = "Does something.\n\n    python -m tfmusic.something --model_dir=out\n"


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `main` as a command with flags of its own; its exit code and output."""
    values = flags.FlagValues()
    monkeypatch.setattr(flags, "FLAGS", values)
    define = {"flag_values": values, "module_name": "command"}
    flags.DEFINE_string("model_dir", None, "The run's folder.", required=True, **define)
    flags.DEFINE_enum("strategy", "auto", ["auto", "tpu"], "Where it runs.", **define)
    flags.DEFINE_integer("steps", 10, "How many steps.", lower_bound=1, **define)
    flags.DEFINE_list("formats", ["a", "b"], "What is written.", **define)
    flags.DEFINE_string("prime", "", "How the music begins.", **define)
    flags.DEFINE_bool("elsewhere", False, "Not this command's.", flag_values=values)
    for name in "model_dir", "strategy", "steps", "formats", "prime":
        values.register_key_flag_for_module("command", values[name])

    def run(*arguments, main=lambda: None):
        monkeypatch.setattr("sys.argv", ["command", *arguments])
        with pytest.raises(SystemExit) as exit_:
            run_command(main, USAGE)
        return exit_.value.code, *capsys.readouterr()

    return run


def raising(error):
    def main():
        raise error

    return main


def test_flags_are_parsed_before_main(command):
    seen = []
    result = command(
        "--model_dir=here",
        "--steps=3",
        main=lambda: seen.append((flags.FLAGS.model_dir, flags.FLAGS.steps)),
    )
    assert result == (0, "", "")
    assert seen == [("here", 3)]


@pytest.mark.parametrize(
    "arguments, line",
    [
        ([], "--model_dir is needed: see --help"),
        (["--model_dir=x", "more"], "unexpected argument 'more': write --flag=value"),
        (
            ["--model_dir=x", "--strategy=gpu"],
            "flag --strategy=gpu: value should be one of <auto|tpu>",
        ),
        (
            ["--model_dir=x", "--steps=0"],
            "flag --steps=0: 0 is not a positive integer",
        ),
        (
            ["--model_dri=x"],
            "Unknown command line flag 'model_dri'. Did you mean: model_dir ?",
        ),
    ],
)
def test_wrong_flags_are_one_line(command, arguments, line):
    def main():
        pytest.fail("main() ran")

    assert command(*arguments, main=main) == (2, "", f"tfmusic: {line}\n")


def test_a_user_error_is_one_line(command):
    main = raising(UserError("no such file:\n  a.mid;  name another"))
    assert command("--model_dir=x", main=main) == (
        2,
        "",
        "tfmusic: no such file: a.mid; name another\n",
    )


def test_a_file_that_cannot_be_used_is_one_line(command, tmp_path):
    path = tmp_path / "file" / "below"
    (tmp_path / "file").touch()
    assert command("--model_dir=x", main=path.mkdir) == (
        2,
        "",
        f"tfmusic: {path}: Not a directory\n",
    )


def test_failures_of_ours_keep_their_stack_trace(command):
    with pytest.raises(ZeroDivisionError):
        command("--model_dir=x", main=lambda: 1 // 0)
    with pytest.raises(OSError):
        command("--model_dir=x", main=raising(OSError(errno.EIO, "no file is named")))


def test_interrupting(command):
    main = raising(KeyboardInterrupt)
    assert command("--model_dir=x", main=main) == (130, "", "tfmusic: interrupted\n")


def test_main_may_choose_its_exit_code(command):
    assert command("--model_dir=x", main=raising(SystemExit(1)))[0] == 1


@pytest.mark.parametrize("arguments", [["--help"], ["--steps=0", "-h"]])
def test_help_shows_usage_and_the_commands_own_flags(command, arguments):
    code, printed, errors = command(*arguments, main=raising(AssertionError))
    assert (code, errors) == (0, "")
    assert printed == (
        "Does something.\n"
        "\n"
        "    python -m tfmusic.something --model_dir=out\n"
        "\n"
        "Flags:\n"
        "  --model_dir=<string>\n"
        "      The run's folder.\n"
        "  --strategy=<auto|tpu>\n"
        "      Where it runs. (default: auto)\n"
        "  --steps=<int>\n"
        "      How many steps. (default: 10)\n"
        "  --formats=<comma separated list of strings>\n"
        "      What is written. (default: a,b)\n"
        "  --prime=<string>\n"
        "      How the music begins.\n"
    )
