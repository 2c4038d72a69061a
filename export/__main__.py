"""Exports a run's best weights as deployable graphs, each verified.

Usage:
  python -m tfmusic.export --model_dir=DIR --output_dir=DIR

Writes OUTPUT_DIR/saved_model/ for servers, OUTPUT_DIR/model.tflite for devices
(export/runtime.py makes music from it) and report.json: sizes, and how far each is
from the checkpoint, on pieces of the run's data set that it was not trained on. Where
one is too far, nothing is written and the exit code is 1.
"""

import sys

from absl import flags

from tfmusic.datasets import registry
from tfmusic.errors import UserError, run_command
from tfmusic.quiet import import_tensorflow

FORMATS = ("saved_model", "tflite")
QUANTIZATIONS = ("none", "float16", "dynamic_int8", "mixed_int4", "int8")

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    None,
    "The run's folder, or the name of a model that tfmusic comes with.",
    required=True,
)
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
    "Of the .tflite: none is float32; float16, dynamic_int8 and mixed_int4 are a half, "
    "a quarter and a fifth of its size; int8 is for accelerators of integers only.",
)
_CHUNK = flags.DEFINE_integer(
    "chunk",
    64,
    "Tokens of a prime that a decoder's .tflite reads at once; 1 saves memory instead.",
    lower_bound=1,
)
_DATASET = flags.DEFINE_string(
    "dataset", None, "Data set to compare on; by default the run's."
)
_INPUT = flags.DEFINE_string(
    "input", None, "File, folder or zip of a data set that is not built in."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", registry.DEFAULT_DATA_DIR, "Where prepared data is kept."
)
_HELD_OUT = flags.DEFINE_bool(
    "held_out",
    True,
    "Compare on held-out pieces; --noheld_out, where the data set is not at hand, on "
    "music that a decoder writes, and on random ids.",
)


def main() -> None:
    unknown = [name for name in _FORMATS.value if name not in FORMATS]
    if unknown or not _FORMATS.value:
        raise UserError(
            f"--formats={','.join(_FORMATS.value)}: give any of {','.join(FORMATS)}"
        )
    import_tensorflow()

    from tfmusic.export.export_run import export_run
    from tfmusic.export.held_out import Music, load_music
    from tfmusic.export.verify import VerificationError
    from tfmusic.training.run import load_run

    run = load_run(_MODEL_DIR.value)
    music = Music()
    if _HELD_OUT.value:
        try:
            music = load_music(run, _DATA_DIR.value, _DATASET.value, _INPUT.value)
        except UserError as error:
            raise UserError(f"{error}; or give --noheld_out") from error
    print(f"exporting {_MODEL_DIR.value} ...", flush=True)
    try:
        export_run(
            run,
            _OUTPUT_DIR.value,
            _FORMATS.value,
            _QUANTIZATION.value,
            music,
            _CHUNK.value,
        )
    except VerificationError as error:
        print(f"tfmusic: FAILED: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run_command(main, __doc__)
