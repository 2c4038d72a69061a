"""Errors that a user sees as one line, and the frame around every command."""

import re
import sys
import textwrap
from collections.abc import Callable
from typing import NoReturn


class UserError(Exception):
    """Something that the user can mend; its message is one line that says how.

    Attributes:
        exit_code: of a command that ends with it.
    """

    exit_code = 2


def run_command(main: Callable[[], None], usage: str) -> NoReturn:
    """Runs a command: parses the flags, calls `main()`, turns errors into lines.

    Exit codes: 0 done, 1 a failure of ours (with its stack trace) or a check that
    did not hold, 2 wrong input (one line on stderr, no stack trace), 130
    interrupted.

    An operating system's error about a named file (a folder that may not be
    written, a disk that is full) is the user's to mend, so it is a line as well.

    Args:
        main: takes nothing and reads `absl.flags.FLAGS` itself.
        usage: the command's help text, printed above its flags.
    """
    # Here, so that code which runs without absl can import and raise UserError.
    from absl import flags

    if {"-h", "--help", "-help"} & set(sys.argv[1:]):
        print(help_text(usage))
        sys.exit(0)
    try:
        rest = flags.FLAGS(sys.argv)
        if len(rest) > 1:
            raise UserError(f"unexpected argument {rest[1]!r}: write --flag=value")
        main()
    except UserError as error:
        _fail(str(error), error.exit_code)
    except flags.Error as error:
        missing = re.match(r"flag --(\w+)=None: ", str(error))
        _fail(f"--{missing[1]} is needed: see --help" if missing else str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        _fail("interrupted", code=130)
    sys.exit(0)


def _fail(message: str, code: int = 2) -> NoReturn:
    print("tfmusic:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def help_text(usage: str) -> str:
    """The usage, then each of the command's own flags with its default."""
    from absl import flags

    lines = [usage.strip(), "", "Flags:"]
    for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0]):
        choices = getattr(flag.parser, "enum_values", None)
        value = f"<{'|'.join(choices) if choices else flag.flag_type()}>"
        text = " ".join(flag.help.removeprefix(value + ": ").split())
        if flag.default not in (None, "", []):
            default = flag.default
            joined = ",".join(default) if isinstance(default, list) else default
            text += f" (default: {joined})"
        lines.append(f"  --{flag.name}={value}")
        lines.append(textwrap.indent(textwrap.fill(text, 78), " " * 6))
    return "\n".join(lines)
