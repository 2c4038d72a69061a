"""Exports a run's best weights as deployable graphs, each verified.

Usage:
  python -m tfmusic.export --model_dir=DIR --output_dir=DIR

Writes OUTPUT_DIR/saved_model/ for servers, OUTPUT_DIR/model.tflite for devices
(export/runtime.py makes music from it) and report.json: sizes, and how far each is
from the checkpoint. Where one is too far, nothing is written and the exit code is 1.
"""

import sys

from absl import flags

from tfmusic.errors import UserError, run_command
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

    from tfmusic.export.export_run import export_run
    from tfmusic.export.verify import VerificationError
    from tfmusic.training.run import load_run

    run = load_run(_MODEL_DIR.value, kind="decoder")
    print(f"exporting {_MODEL_DIR.value} ...", flush=True)
    try:
        export_run(run, _OUTPUT_DIR.value, _FORMATS.value, _QUANTIZATION.value)
    except VerificationError as error:
        print(f"tfmusic: FAILED: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run_command(main, __doc__)
