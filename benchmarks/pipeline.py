"""How many tokens a second the pipeline gives, and what memory it takes.

    python -m benchmarks.pipeline --data_dir=DIR [--dataset=maestro] [--epochs=2]

The data set has to be prepared. Windows of 2,048 tokens, batches of 16, with the
`piano` preset's augmentation (transposition by 3 semitones, tempo by 5 %) and a shift
of velocities; nothing but the pipeline runs. Resident memory is told after loading,
after a tenth of an epoch and after each epoch: it must not grow. Then the same batches,
a window each, go through training steps of the preset, for the tokens a second that
training takes.
"""

import argparse
import time

from benchmarks.memory import resident_megabytes
from tfmusic.quiet import import_tensorflow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--dataset", default="maestro")
    parser.add_argument("--tokenizer", default="performance")
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3, help="of training; 0: none")
    options = parser.parse_args()
    import_tensorflow()

    from tfmusic.datasets.augment import STRETCHES, Augmentation
    from tfmusic.datasets.pieces import load_pieces
    from tfmusic.datasets.pipeline import training_batches
    from tfmusic.datasets.registry import get_dataset
    from tfmusic.datasets.windows import Windows
    from tfmusic.tokenizers import get_tokenizer

    print(f"imports: {resident_megabytes():.0f} MB")
    tokenizer = get_tokenizer(options.tokenizer)
    pieces = load_pieces(options.dataset, "train", tokenizer, options.data_dir)
    pitch_range = get_dataset(options.dataset).pitch_range
    for name, augmentation in (
        ("no augmentation", Augmentation()),
        ("augmentation", Augmentation(3, STRETCHES, 2, pitch_range)),
    ):
        begin = time.monotonic()
        windows = Windows(pieces, tokenizer, (), options.length, augmentation)
        batches = iter(training_batches(windows, batch_size=options.batch_size, seed=0))
        next(batches)
        print(f"{name}: ready after {time.monotonic() - begin:.1f} s")
        per_batch = options.batch_size * options.length
        epoch = -(-pieces.num_tokens // per_batch)
        print(f"  after loading: {resident_megabytes():.0f} MB")
        for number in range(options.epochs):
            begin = time.monotonic()
            for index in range(epoch):
                next(batches)
                if number == 0 and index == epoch // 10:
                    print(f"  after a tenth of an epoch: {resident_megabytes():.0f} MB")
            speed = epoch * per_batch / (time.monotonic() - begin)
            print(
                f"  epoch {number + 1}: {speed / 1e6:.2f} million tokens/s, "
                f"{resident_megabytes():.0f} MB"
            )
    if options.steps:
        trained = training_speed(windows, options.steps)
        print(
            f"training of the piano preset: {trained:.0f} tokens/s; the pipeline gives "
            f"{speed / trained:,.0f} times as many"
        )


def training_speed(windows, num_steps: int) -> float:
    """Tokens a second of the `piano` preset's training step, on one window."""
    from benchmarks.training_step import TimedStep
    from tfmusic.datasets.pipeline import training_batches
    from tfmusic.presets import PRESETS

    preset = PRESETS["piano"]
    step = TimedStep(preset.model, preset.train)
    batches = iter(training_batches(windows, batch_size=1, seed=0))
    step(next(batches))  # compiles
    begin = time.monotonic()
    for _ in range(num_steps):
        step(next(batches))
    return num_steps * windows.length / (time.monotonic() - begin)


if __name__ == "__main__":
    main()
