"""Estimates what the `piano` preset costs on an accelerator. Nothing is measured here.

    python -m benchmarks.piano [--steps_file=out/tpu.jsonl]

A step takes the longer of two times: its multiplications at the chip's peak and its
traffic at the memory's, each at a share of the peak that is assumed. Work and traffic
are the TPU compiler's figures for one replica's step (`python -m benchmarks.tpu`); the
work is also counted by hand. What goes between chips is left out.
"""

import argparse
import dataclasses

from benchmarks import cells
from benchmarks.tables import markdown
from tfmusic.config import ModelConfig
from tfmusic.presets import PRESETS

PRESET = "piano"
STEP = f"preset_{PRESET}_bfloat16"
SHARES = (0.3, 0.5, 0.7)  # of the peaks


@dataclasses.dataclass(frozen=True)
class Chip:
    """Peaks by the vendor: bfloat16 operations and bytes of memory, a second."""

    name: str
    operations: float
    bytes: float


CHIPS = (Chip("TPU v5e", 197e12, 819e9), Chip("A100, 80 GB", 312e12, 2039e9))


def operations_per_token(config: ModelConfig, length: int) -> float:
    """Multiplications and additions of training on a token, recomputing nothing.

    Counted are the matrix products of a model of `relative_global`: projections, the
    feed-forward layers, the logits; of attention, queries with all T keys, with T
    distances, and the weights with all T values. The backward pass takes twice as many
    as the forward pass.

    Args:
        config: of a decoder.
        length: T of a window.
    """
    d, layers = config.hidden_dim, config.num_layers
    projections = 4 * d * (config.key_dim or d // config.num_heads) * config.num_heads
    weights = layers * (projections + 2 * d * config.intermediate_dim)
    weights += d * config.vocabulary_size
    attention = layers * 3 * length * d
    return 3 * 2.0 * (weights + attention)


def hours(
    chip: Chip, operations: float, traffic: float, share: float, steps: int
) -> float:
    """Time of a training on one chip.

    Args:
        chip: that computes it.
        operations, traffic: of a step, bytes for the latter.
        share: of the chip's peaks that is reached.
        steps: of the training.
    """
    slower = max(operations / chip.operations, traffic / chip.bytes)
    return steps * slower / share / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--steps_file", default="out/tpu.jsonl", help="of benchmarks.tpu"
    )
    options = parser.parse_args()
    model, train = PRESETS[PRESET].model, PRESETS[PRESET].train
    tokens = train.batch_size * train.length
    by_hand = operations_per_token(model, train.length)
    print(
        f"{train.steps:,} steps of {tokens:,} tokens; by hand {by_hand / 1e6:.0f} "
        f"MFLOP a token, {by_hand * tokens * train.steps / 1e18:.2f} EFLOP in all"
    )
    rows = cells.read_rows(options.steps_file, ("step",))
    row = rows.get((STEP,))
    if row is None or "failed" in row:
        parser.error(
            f"{options.steps_file} has no compiled step {STEP}: "
            f"python -m benchmarks.tpu --only={STEP}"
        )
    scale = tokens / (row["batch_size"] * row["length"])
    operations, traffic = row["flops"] * scale, row["bytes"] * scale
    print(
        f"by the compiler {operations / tokens / 1e6:.0f} MFLOP a token, "
        f"{operations / 1e12:.2f} TFLOP and {traffic / 1e9:.0f} GB a step"
    )
    lines = []
    for chip in CHIPS:
        times = [hours(chip, operations, traffic, each, train.steps) for each in SHARES]
        lines.append(
            [
                chip.name,
                f"{operations / chip.operations * 1e3:.0f}",
                f"{traffic / chip.bytes * 1e3:.0f}",
                *(f"{each:.1f}" for each in times),
            ]
        )
    header = ["chip", "ms a step of work", "of traffic"]
    header += [f"chip hours at {share:.0%} of the peak" for share in SHARES]
    print(markdown(header, lines))


if __name__ == "__main__":
    main()
