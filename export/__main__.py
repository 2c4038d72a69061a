"""Exports a run's best weights as deployable graphs, each verified.

Usage:
  python -m tfmusic.export --model_dir=DIR --output_dir=DIR

Writes OUTPUT_DIR/saved_model/ for servers, OUTPUT_DIR/model.tflite for devices
(export/runtime.py makes music from it) and report.json: sizes, and how far each is
from the checkpoint. Where one is too far, nothing is written and the exit code is 1.
"""

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Sequence

from absl import flags

import tfmusic
from tfmusic.errors import UserError, run_command
from tfmusic.files import atomic_folder, atomic_path
from tfmusic.quiet import import_tensorflow

FORMATS = ("saved_model", "tflite")
QUANTIZATIONS = ("none", "dynamic_int8")

_MODEL_DIR = flags.DEFINE_string("model_dir", None, "The run's folder.", required=True)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where the files go.", required=True
)
_FORMATS = flags.DEFINE_list(
    "formats", ",".join(FORMATS), "Any of saved_model and tflite."
)
_QUANTIZATION = flags.DEFINE_enum(
    "quantization",
    "dynamic_int8",
    QUANTIZATIONS,
    "Of the .tflite: none is float32, dynamic_int8 a quarter of its size.",
)


def main() -> None:
    unknown = [name for name in _FORMATS.value if name not in FORMATS]
    if unknown or not _FORMATS.value:
        raise UserError(
            f"--formats={','.join(_FORMATS.value)}: give any of {','.join(FORMATS)}"
        )
    import_tensorflow()

    from tfmusic.export.verify import VerificationError
    from tfmusic.training.run import load_run

    run = load_run(_MODEL_DIR.value)
    print(f"exporting {_MODEL_DIR.value} ...", flush=True)
    try:
        export(run, _OUTPUT_DIR.value, _FORMATS.value, _QUANTIZATION.value)
    except VerificationError as error:
        print(f"tfmusic: FAILED: {error}", file=sys.stderr)
        sys.exit(1)


def export(run, output_dir: str, formats: Sequence[str], quantization: str) -> None:
    """Writes and verifies the formats; all of them take their places together.

    Raises:
        UserError: a place is taken or can't be written.
        VerificationError: one of them is not the model.
    """
    from tfmusic.export import saved_model, tflite, verify

    model, tokenizer = run.model, run.tokenizer
    report = {
        "version": tfmusic.__version__,
        "tokenizer": tokenizer.name,
        "tokenizer_hash": tokenizer.hash,
        "best": run.best,
    }
    with contextlib.ExitStack() as stack:
        if "saved_model" in formats:
            final = os.path.join(output_dir, "saved_model")
            saved_model.check_place(final)
            path = stack.enter_context(atomic_folder(final))
            saved_model.save_model(model, path, tokenizer)
            drifts = verify.verify_saved_model(model, tokenizer, path)
            report["saved_model"] = _describe(final, path, drifts)
        if "tflite" in formats:
            final = os.path.join(output_dir, "model.tflite")
            path = stack.enter_context(atomic_path(final))
            tflite.convert(model, tokenizer, path, quantization)
            drifts = verify.verify_tflite(model, tokenizer, path)
            report["tflite"] = {
                "quantization": quantization,
                **_describe(final, path, drifts),
            }
        path = stack.enter_context(atomic_path(os.path.join(output_dir, "report.json")))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2, sort_keys=True)
            file.write("\n")


def _describe(final, path, drifts) -> dict:
    """Prints, and returns for the report, size and drift of what `path` holds."""
    files = [
        os.path.join(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
    ]
    size = sum(os.path.getsize(name) for name in files or [path])
    print(f"{final}: {size / 1e6:.2f} MB")
    for kind, drift in drifts.items():
        print(f"  against the checkpoint, on {kind} ids: {drift}", flush=True)
    drifts = {kind: dataclasses.asdict(drift) for kind, drift in drifts.items()}
    return {"bytes": size, **drifts}


if __name__ == "__main__":
    run_command(main, __doc__)
