"""Prepares a data set: raw files to shards and ids, with a report.

    python -m tfmusic.prepare --dataset=bach_chorales
    python -m tfmusic.prepare --dataset=jsb_chorales --input=Jsb16thSeparated.json

What was read is printed, and kept as report.json beside the shards.
"""

from typing import Any

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import run_command
from tfmusic.tokenizers import TOKENIZERS, get_tokenizer

MAX_REASONS = 8  # printed; the file holds all

_DATASET = flags.DEFINE_enum(
    "dataset", "bach_chorales", sorted(registry.DATASETS), "Which data set."
)
_INPUT = flags.DEFINE_string(
    "input", None, "The file, folder or zip to read; bach_chorales needs none."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_TOKENIZER = flags.DEFINE_enum(
    "tokenizer", None, sorted(TOKENIZERS), "Makes the ids; the data set's own if unset."
)


def main() -> None:
    """Reads the flags, prepares, prints the report."""
    tokenizer = get_tokenizer(_TOKENIZER.value) if _TOKENIZER.value else None
    report = registry.prepare(_DATASET.value, _DATA_DIR.value, _INPUT.value, tokenizer)
    print(format_report(report))


def format_report(report: dict[str, Any]) -> str:
    """A report as lines for a person."""
    files = report["files"]
    lines = [
        f"{report['dataset']} {report['version']}, from {report['origin']}",
        f"files: {files['given']} given, {files['read']} read, "
        f"{len(files['skipped'])} skipped",
    ]
    skipped = list(files["skipped"].items())
    lines += [f"  {name}: {reason}" for name, reason in skipped[:MAX_REASONS]]
    if len(skipped) > MAX_REASONS:
        lines.append(f"  and {len(skipped) - MAX_REASONS} more, all in report.json")
    lines.append(f"duplicates removed: {len(report['duplicates_removed'])}")
    lines += [
        f"  {name} repeats {kept}"
        for name, kept in report["duplicates_removed"].items()
    ]
    kin = sum(map(len, report["groups"]))
    lines.append(
        f"pieces that share music: {kin} in {len(report['groups'])} groups, "
        "each in one split"
    )
    tokenizer = report["tokenizer"]
    lines.append(f"tokenizer: {tokenizer['name']} ({tokenizer['hash']})")
    lines.append(f"{'split':<12}{'pieces':>8}{'notes':>10}{'tokens':>10}{'hours':>8}")
    for split, counts in report["splits"].items():
        lines.append(
            f"{split:<12}{counts['pieces']:>8,}{counts['notes']:>10,}"
            f"{counts['tokens']:>10,}{counts['seconds'] / 3600:>8.2f}"
        )
        lines += [
            f"  {name} has no ids: {reason}"
            for name, reason in counts["not_encoded"].items()
        ]
    lines.append(f"ids: {report['tokens_dir']}")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(main, __doc__)
