"""Errors that a user sees as one line, and the frame around every command."""

import sys
import textwrap
from collections.abc import Callable
from typing import NoReturn

from absl import flags


class UserError(Exception):
    """Something that the user can mend; its message is one line that says how."""


def run_command(main: Callable[[], None], usage: str) -> NoReturn:
    """Runs a command: parses the flags, calls `main()`, turns errors into lines.

    Exit codes: 0 done, 1 a failure of ours (with its stack trace) or a check that
    did not hold, 2 wrong input (one line on stderr, no stack trace), 130
    interrupted.

    Args:
        main: takes nothing and reads `absl.flags.FLAGS` itself.
        usage: the command's help text, printed above its flags.
    """
    if {"-h", "--help", "-help"} & set(sys.argv[1:]):
        print(help_text(usage))
        sys.exit(0)
    try:
        rest = flags.FLAGS(sys.argv)
        if len(rest) > 1:
            raise UserError(f"unexpected argument {rest[1]!r}: write --flag=value")
        main()
    except (UserError, flags.Error) as error:
        print("tfmusic:", " ".join(str(error).split()), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("tfmusic: interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def help_text(usage: str) -> str:
    """The usage, then each of the command's own flags with its default."""
    lines = [usage.strip(), "", "Flags:"]
    for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0]):
        default = "" if flag.default is None else f" (default: {flag.default})"
        choices = getattr(flag.parser, "enum_values", None)
        value = f"<{'|'.join(choices) if choices else flag.flag_type()}>"
        lines.append(f"  --{flag.name}={value}")
        text = textwrap.fill(flag.help.removeprefix(value + ": ") + default, 78)
        lines.append(textwrap.indent(text, " " * 6))
    return "\n".join(lines)
