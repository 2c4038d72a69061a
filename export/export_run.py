"""From a run to verified files, all or none."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Sequence

import tfmusic
from tfmusic.export import saved_model, tflite, verify
from tfmusic.export.held_out import Music
from tfmusic.files import atomic_folder, atomic_path
from tfmusic.training.run import Run

KINDS = {
    "held_out": "on held-out music",
    "generated": "on its own music",
    "random": "on random ids",
}


def export_run(
    run: Run,
    output_dir: str,
    formats: Sequence[str],
    quantization: str,
    music: Music,
    chunk: int | None = None,
) -> None:
    """Writes and verifies the formats, and report.json about them.

    All of them take their places together at the end.

    Args:
        run: what to export.
        output_dir: the folder to write to.
        formats: of "saved_model" and "tflite".
        quantization, chunk: of the .tflite, see `tflite.convert`.
        music: to compare on and to calibrate with.

    Raises:
        UserError: a place is taken or can't be written.
        VerificationError: one of them is not the model.
    """
    model, tokenizer = run.model, run.tokenizer
    report = {
        "version": tfmusic.__version__,
        "kind": model.kind,
        "tokenizer": tokenizer.name,
        "tokenizer_hash": tokenizer.hash,
        "best": run.best,
        "data_license": music.data_license,
        "held_out_tokens": sum(map(len, music.held_out)),
    }
    with contextlib.ExitStack() as stack:
        if "saved_model" in formats:
            final = os.path.join(output_dir, "saved_model")
            saved_model.check_place(final)
            path = stack.enter_context(atomic_folder(final))
            saved_model.save_model(model, path, tokenizer)
            drifts = verify.verify_saved_model(model, tokenizer, path, music.held_out)
            report["saved_model"] = _describe(final, path, drifts)
        if "tflite" in formats:
            final = os.path.join(output_dir, "model.tflite")
            path = stack.enter_context(atomic_path(final))
            tflite.convert(
                model,
                tokenizer,
                path,
                quantization,
                music.calibration,
                music.data_license,
                chunk,
            )
            drifts = verify.verify_tflite(model, tokenizer, path, music.held_out)
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
        print(f"  against the checkpoint, {KINDS[kind]}: {drift}", flush=True)
    drifts = {kind: dataclasses.asdict(drift) for kind, drift in drifts.items()}
    return {"bytes": size, **drifts}
