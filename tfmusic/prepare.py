"""Prepares a data set: raw files to shards and ids, with a report.

    python -m tfmusic.prepare --dataset=bach_chorales
    python -m tfmusic.prepare --dataset=maestro --input=maestro-v3.0.0-midi.zip
    python -m tfmusic.prepare --dataset=midi_folder --input=my_music --data_dir=DIR

What was read is printed, and kept as report.json beside the shards. Where this was
killed, it goes on behind what it had read. A set with variants is named with one of
them, such as maestro/v2.0.0; without it is the first. The sets are described in
datasets/README.md.
"""

import json
from typing import Any

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.tokenizers import TOKENIZERS, Tokenizer, get_tokenizer

MAX_NAMES = 8  # printed of each kind; the file holds all

_DATASET = flags.DEFINE_string(
    "dataset", "bach_chorales", f"Which data set: {registry.known_names()}."
)
_INPUT = flags.DEFINE_string(
    "input", None, "The file, folder or zip to read, for sets that are not built in."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_TOKENIZER = flags.DEFINE_enum(
    "tokenizer", None, sorted(TOKENIZERS), "Makes the ids; the data set's own if unset."
)
_TOKENIZER_OPTIONS = flags.DEFINE_string(
    "tokenizer_options", None, 'The tokenizer\'s arguments as JSON: {"sustain": ...}.'
)
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Processes; by default one a core.", lower_bound=1
)
_MAX_SECONDS = flags.DEFINE_float(
    "max_seconds",
    10.0,
    "A file that takes longer is skipped.",
    lower_bound=0.01,
    upper_bound=86_400,
)
_MAX_MEMORY = flags.DEFINE_integer(
    "max_memory",
    1024,
    "A file that takes more MiB is skipped.",
    lower_bound=1,
    upper_bound=2**20,
)
_RUNNER = flags.DEFINE_string(
    "runner",
    None,
    "A runner of Apache Beam, such as DirectRunner or DataflowRunner, to read with "
    "where one machine is too small.",
)
_RUNNER_OPTIONS = flags.DEFINE_list(
    "runner_options", [], "Beam's own flags, such as --num_workers=20."
)


def main() -> None:
    """Reads the flags, prepares, prints the report."""
    dataset = registry.get_dataset(_DATASET.value)
    tokenizer = parse_tokenizer(
        _TOKENIZER.value or dataset.tokenizer, _TOKENIZER_OPTIONS.value
    )
    from tfmusic.datasets.piece_builder import Work
    from tfmusic.music.limits import Limits

    work = Work(
        limits=Limits(seconds=_MAX_SECONDS.value, memory=_MAX_MEMORY.value * 2**20),
        num_workers=_WORKERS.value,
        runner=_RUNNER.value,
        runner_options=tuple(_RUNNER_OPTIONS.value),
    )
    report = registry.prepare(
        _DATASET.value, _DATA_DIR.value, _INPUT.value, tokenizer, work=work
    )
    print(format_report(report))


def parse_tokenizer(name: str, options: str | None) -> Tokenizer:
    """A tokenizer by its name and the JSON of its arguments.

    Raises:
        UserError: no tokenizer has this name, or these arguments.
    """
    try:
        arguments = json.loads(options or "{}")
        if not isinstance(arguments, dict):
            raise ValueError("expected an object")
    except ValueError as error:
        raise UserError(
            f"--tokenizer_options={options}: {error}; write JSON such as "
            '{"name": value}'
        ) from error
    return get_tokenizer(name, **arguments)


def format_report(report: dict[str, Any]) -> str:
    """A report as lines for a person."""
    files = report["files"]
    lines = [
        f"{report['dataset']} {report['version']}, from {report['origin']}",
        f"{report['unit']}: {files['given']:,} given, {files['read']:,} read, "
        f"{len(files['skipped']):,} skipped",
    ]
    lines += _first(files["skipped"], "{}: {}")
    lines.append(f"duplicates removed: {len(report['duplicates_removed']):,}")
    lines += _first(report["duplicates_removed"], "{} repeats {}")
    kin = sum(map(len, report["groups"]))
    lines.append(
        f"pieces that share music: {kin:,} in {len(report['groups']):,} groups, "
        "each in one split"
    )
    tokenizer = report["tokenizer"]
    lines.append(f"tokenizer: {tokenizer['name']} ({tokenizer['hash']})")
    lines.append(
        f"{'split':<12}{'pieces':>9}{'notes':>12}{'tokens':>12}{'hours':>10}  ids"
    )
    for split, counts in report["splits"].items():
        lines.append(
            f"{split:<12}{counts['pieces']:>9,}{counts['notes']:>12,}"
            f"{counts['tokens']:>12,}{counts['seconds'] / 3600:>10.2f}"
            f"  {counts['ids_sha256'][:8]}"
        )
        lines += _first(counts["not_encoded"], "{} has no ids: {}")
    lines.append(f"ids: {report['tokens_dir']}")
    return "\n".join(lines)


def _first(names: dict[str, str], form: str) -> list[str]:
    """A line for each of the first names."""
    lines = [f"  {form.format(*pair)}" for pair in list(names.items())[:MAX_NAMES]]
    if len(names) > MAX_NAMES:
        lines.append(f"  and {len(names) - MAX_NAMES:,} more, all in report.json")
    return lines


if __name__ == "__main__":
    run_command(main, __doc__)
