"""Pictures of a training as it goes on: what the model plays, and what it looks at."""

import importlib.util

import numpy as np
import tensorflow as tf

from tfmusic.config import TrainConfig
from tfmusic.datasets.pieces import Pieces
from tfmusic.music.piano_roll import piano_roll_figure
from tfmusic.sampling.infiller import Infiller
from tfmusic.sampling.model_generator import ModelGenerator
from tfmusic.tokenizers import Tokenizer
from tfmusic.tokenizers.chorale import NUM_VOICES
from tfmusic.training.log import TrainingLog
from tfmusic.training.strategy import is_tpu
from tfmusic.visualization.attention import read_attention
from tfmusic.visualization.attention_maps import LARGEST, attention_maps

SAMPLE_TOKENS = 256
GIBBS_STEPS = 32
SEED = 0


class Watch:
    """Adds pictures to TensorBoard after evaluations.

    - `samples/from_nothing` and `samples/continuation` of the beginning of the
      validation split's first piece; of an infiller `samples/filled`: its soprano is
      given, other voices are the model's.
    - `attention`, all maps of that beginning, where a layer attends to tokens.

    The seed is fixed, so that pictures differ by what was learned. Nothing of the
    training is touched: not its weights, nor its random numbers.

    Args:
        model: of the training.
        tokenizer: of the model.
        pieces: of the validation split.
        every: see `TrainConfig.watch_every`.
        evaluate_every: steps between evaluations.
        last_step: of the training.
    """

    def __init__(
        self,
        model,
        tokenizer: Tokenizer,
        pieces: Pieces,
        every: int,
        evaluate_every: int,
        last_step: int,
    ):
        self.model = model
        self.tokenizer = tokenizer
        self.every = every
        self.evaluate_every = evaluate_every
        self.last_step = last_step
        lengths = np.diff(pieces.offsets)
        self.ids = pieces.piece(int(np.argmax(lengths > 0)))  # the first with music
        self._samples = self._filled if model.kind == "infiller" else self._continued
        self._sampler = None  # made when it is needed, and kept: it is compiled

    def is_due(self, step: int) -> bool:
        """Whether the evaluation at a step is to be pictured."""
        before = (step - 1) // self.evaluate_every * self.evaluate_every
        return step == self.last_step or step // self.every > before // self.every

    def after_evaluation(self, step: int, scores: dict, log: TrainingLog) -> None:
        """Draws, if it is due.

        Args:
            step: of the evaluation.
            scores: of the evaluation.
            log: takes the pictures.
        """
        if not self.is_due(step):
            return
        for name, (sequence, prime_seconds) in self._samples().items():
            title = f"step {step}, {scores['nats_per_token']:.3f} validation nats/token"
            figure = piano_roll_figure(sequence, prime_seconds, title)
            log.write_images(step, f"samples/{name}", pixels(figure)[np.newaxis])
        attention = read_attention(self.model, self.tokenizer, self.ids, LARGEST)
        if attention.with_weights:
            figure = attention_maps(attention)
            log.write_images(step, "attention", pixels(figure)[np.newaxis])

    def _continued(self):
        """Samples of a decoder: music, and the seconds of it that were given."""
        if self._sampler is None:
            # Not by XLA: compiling takes longer than a few samples do without.
            self._sampler = ModelGenerator(
                self.model, self.tokenizer, jit_compile=False
            )
        prime = self.ids[: min(SAMPLE_TOKENS, self.model.max_length) // 2]
        ids = self._sampler.generate([prime[:0], prime], SAMPLE_TOKENS, seed=SEED)
        alone, continued = (self.tokenizer.decode(piece)[0] for piece in ids)
        prime_seconds = self.tokenizer.decode(prime)[0].total_time
        return {
            "from_nothing": (alone, 0.0),
            "continuation": (continued, prime_seconds),
        }

    def _filled(self):
        """A sample of an infiller."""
        if self._sampler is None:
            self._sampler = Infiller(self.model, self.tokenizer, jit_compile=False)
        ids = self.ids[: self.model.max_length]
        unknown = np.arange(len(ids)) % NUM_VOICES > 0  # all but the soprano
        ids = self._sampler.fill(ids, unknown, seed=SEED, num_steps=GIBBS_STEPS)
        return {"filled": (self.tokenizer.decode(ids)[0], 0.0)}


def make_watch(
    model,
    tokenizer: Tokenizer,
    pieces: Pieces,
    config: TrainConfig,
    strategy: tf.distribute.Strategy,
) -> Watch | None:
    """The watch of a training; None where its config wants none.

    Nor is there one without matplotlib, or on a TPU: sampling runs on its host, to
    which every step of every sample would fetch all weights.
    """
    can_draw = importlib.util.find_spec("matplotlib") and not is_tpu(strategy)
    if not config.watch_every or not can_draw:
        return None
    return Watch(
        model,
        tokenizer,
        pieces,
        config.watch_every,
        config.evaluate_every,
        config.steps,
    )


def pixels(figure) -> np.ndarray:
    """uint8 `[height, width, 3]` of a figure of matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
