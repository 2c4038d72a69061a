"""Sums up what `make music` made.

Usage:
  python -m tfmusic.summary --folder=out

Reads the reports that training, evaluation, export and generation left there.
"""

import json
import os

from absl import flags

from tfmusic.errors import UserError, run_command

_FOLDER = flags.DEFINE_string("folder", "out", "Where `make music` wrote.")


def main() -> None:
    print(summarize(_FOLDER.value))


def summarize(folder: str) -> str:
    """The summary as lines of text.

    Args:
        folder: where `make music` put the run `chorale_tiny/`, `evaluation.json`,
            `export/`, `generation.json`, `chorale.mid` and `chorale.png`, and in
            `shipped/` what the model that tfmusic comes with makes, and both scores.

    Raises:
        UserError: one of the reports is missing.
    """
    metrics, evaluation, export, generation = (
        _read(folder, *names)
        for names in (
            ("chorale_tiny", "metrics.jsonl"),
            ("evaluation.json",),
            ("export", "report.json"),
            ("generation.json",),
        )
    )
    ours, shipped, continued = (
        _read(folder, "shipped", name)[0]
        for name in ("chorale_tiny.json", "chorales.json", "generation.json")
    )
    training = [row for row in metrics if row["on"] == "train"][-1]
    evaluation, export, generation = evaluation[0], export[0], generation[0]
    rows = {
        "validation": f"{evaluation['nats_per_token']:.4f} nats/token, "
        f"{evaluation['nats_per_note']:.3f} nats/note, "
        f"accuracy {evaluation['accuracy']:.1%} ({evaluation['num_tokens']:,} tokens)",
        "training": f"{training['tokens_per_second']:,.0f} tokens/s, "
        f"{training['step']:,} steps",
        "generation": f"{generation['tokens_per_second']:,.0f} tokens/s, "
        f"{generation['tokens']:,} tokens by the .tflite",
        "run": os.path.join(folder, "chorale_tiny"),
        "SavedModel": f"{os.path.join(folder, 'export', 'saved_model')} "
        f"({export['saved_model']['bytes'] / 1e6:.1f} MB)",
        "TFLite": f"{os.path.join(folder, 'export', 'model.tflite')} "
        f"({export['tflite']['bytes'] / 1e6:.1f} MB, "
        f"{export['tflite']['quantization']})",
        "music": f"{os.path.join(folder, 'chorale.mid')} "
        f"({generation['notes']} notes, {generation['seconds']:.0f} seconds)",
        "picture": os.path.join(folder, "chorale.png"),
        "shipped": f"chorales: {shipped['nats_per_token']:.4f} nats/token where "
        f"chorale_tiny has {ours['nats_per_token']:.4f}, on the "
        f"{shipped['num_pieces']} validation pieces that neither was trained on "
        f"({shipped['num_tokens']:,} tokens)",
        "its music": f"{os.path.join(folder, 'shipped', 'chorale.mid')} "
        f"({continued['notes']} notes, {continued['seconds']:.0f} seconds)",
        "its picture": os.path.join(folder, "shipped", "chorale.png"),
    }
    return "\n".join(f"{name:12}{value}" for name, value in rows.items())


def _read(folder, *names):
    """The JSON values of a report, a line or a whole file each."""
    path = os.path.join(folder, *names)
    try:
        with open(path, encoding="utf-8") as file:
            lines = file if path.endswith(".jsonl") else [file.read()]
            return [json.loads(line) for line in lines]
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run make music first") from error


if __name__ == "__main__":
    run_command(main, __doc__)
