"""What a model is and how it is trained: frozen, and JSON on disk."""

import dataclasses
import json

from tfmusic.errors import UserError


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The shape of a model; the fields are the arguments of `tfmusic.models`' classes.

    Attributes:
        vocabulary_size: V, special ids included.
        num_layers: number of blocks.
        num_heads: N.
        hidden_dim: D.
        intermediate_dim: F of the feed-forward layers.
        max_length: positions a window has in training; also the longest context
            that evaluation and generation give the model.
        key_dim: H, by default `hidden_dim // num_heads`.
        mixer: name of the token mixer (see `tfmusic.models.mixers`), or one for
            each layer.
        mixer_options: for a mixer's name, arguments of its layer that replace what
            follows from the other fields, such as
            `{"relative_local": {"block_size": 128}}`.
        max_distance: distances of relative attention with an embedding of their
            own, by default `max_length`.
        positions: "none"; "learned" or "sinusoidal", added to the embeddings;
            "concatenated", sinusoids beside the embeddings.
        features: names of the tokenizer's features that enter the model, with
            their numbers of values.
        activation: of the feed-forward layers.
        dropout: rate on embeddings and residual branches.
        attention_dropout: rate on attention weights.
        attention_bias: whether queries, keys and values have a bias.
        attention_block_size: queries and keys that attention over all of a window
            computes at once, so that memory does not grow with the window's square;
            by default the whole window, but in `python -m tfmusic.train` 128 where
            windows are long and there are only CPUs.
        kind: "decoder", which continues music, or "infiller", which fills its gaps.
    """

    vocabulary_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    max_length: int
    key_dim: int | None = None
    mixer: str | tuple[str, ...] = "relative_global"
    mixer_options: dict[str, dict] = dataclasses.field(default_factory=dict)
    max_distance: int | None = None
    positions: str = "none"
    features: dict[str, int] = dataclasses.field(default_factory=dict)
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.0
    attention_bias: bool = True
    attention_block_size: int | None = None
    kind: str = "decoder"

    def __post_init__(self):
        _check_choice(self, "kind", ("decoder", "infiller"))
        _check_positive(
            self,
            ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "key_dim")
            + ("intermediate_dim", "max_length", "max_distance")
            + ("attention_block_size",),
        )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a model is trained.

    Attributes:
        dataset: name in `tfmusic.datasets.registry`.
        tokenizer: name in `tfmusic.tokenizers`.
        tokenizer_options: arguments of the tokenizer, such as `{"sustain": "keep"}`.
        steps: optimizer steps in all.
        batch_size: windows a step, over all replicas.
        accumulation: micro-batches that each replica's share of a step is computed
            in, one after the other, to save memory.
        length: tokens of a window, at most the model's `max_length`.
        learning_rate: its peak.
        warmup_steps: steps of linear growth to the peak.
        schedule: "cosine" (to zero at the last step), "inverse_sqrt" or "constant".
        optimizer: "adamw", or "muon": the layers' matrices move by their momentum made
            orthogonal, all else by AdamW.
        weight_decay: of the optimizer; biases, norms and embeddings are spared.
        beta_2: of AdamW.
        clip_norm: largest global norm of the gradient; 0 for no limit.
        label_smoothing: probability spread over the vocabulary, in training only.
        transpose: largest shift of the augmentation, in semitones up and down.
        stretches: factors of the augmentation's tempo, one drawn for each window.
        velocity_shift: largest shift of the augmentation's loudness, in bins.
        packing: fill windows with short pieces, one behind the other.
        dtype: "float32" or "bfloat16".
        xla: compile each replica's forward and backward pass.
        steps_per_execution: most steps in one call of the graph; by default 1, on a
            TPU 100. No call goes past a step at which something is to be done.
        seed: of everything random.
        evaluate_every: steps between evaluations on the validation split.
        watch_every: least steps between pictures for TensorBoard, which are drawn after
            evaluations: 1 for each of them, 0 for none. There are none on a TPU.
        evaluate_pieces: pieces of the validation split, spread over it, that these
            evaluations score; by default all. `tfmusic.evaluate` always scores all.
        checkpoint_every: steps between checkpoints.
        log_every: steps between lines in the log.
        ema: decay of the weights' exponential moving average, which is what is
            evaluated and kept as the best; 0 for none. At its n-th update it is at
            most `(1 + n) / (10 + n)`, so that the first weights are soon forgotten.
        init_from: file of weights, or folder of a run whose best ones are taken, to
            begin with; "" for new ones.
        teacher: folder of a run, or name of a model that tfmusic comes with, whose
            expectations are learned as well; "" for none. See `training.teacher`.
        teacher_keys: transpositions, 1 to 12, one of which is drawn for each
            micro-batch, that the teacher hears the music in, so that the mean over
            them is learned; 1 for the music as it is.
        teacher_weight: the teacher's part of the loss, 0 to 1; the music has the rest.
        teacher_pieces: pieces that the teacher composes before the first step, which
            are added to the training split.
        teacher_temperature: of the draws as it composes. A little below 1 makes up for
            errors that add up: music of its own is less likely to it than what it
            learned from.
        skip_non_finite: leave out a step whose gradient is not finite; by default
            the training stops there.
    """

    dataset: str
    tokenizer: str
    steps: int
    batch_size: int
    length: int
    learning_rate: float
    warmup_steps: int = 100
    schedule: str = "cosine"
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    beta_2: float = 0.98
    clip_norm: float = 1.0
    label_smoothing: float = 0.0
    tokenizer_options: dict = dataclasses.field(default_factory=dict)
    transpose: int = 0
    stretches: tuple[float, ...] = (1.0,)
    velocity_shift: int = 0
    packing: bool = False
    dtype: str = "float32"
    xla: bool = True
    accumulation: int = 1
    steps_per_execution: int | None = None
    seed: int = 0
    evaluate_every: int = 500
    watch_every: int = 1
    evaluate_pieces: int | None = None
    checkpoint_every: int = 200
    log_every: int = 10
    ema: float = 0.0
    init_from: str = ""
    teacher: str = ""
    teacher_keys: int = 1
    teacher_weight: float = 0.5
    teacher_pieces: int = 0
    teacher_temperature: float = 1.0
    skip_non_finite: bool = False

    def __post_init__(self):
        _check_choice(self, "schedule", ("cosine", "inverse_sqrt", "constant"))
        _check_choice(self, "optimizer", ("adamw", "muon"))
        _check_choice(self, "dtype", ("float32", "bfloat16"))
        _check_positive(
            self,
            ("steps", "batch_size", "length", "evaluate_every", "checkpoint_every")
            + ("log_every", "accumulation", "steps_per_execution")
            + ("evaluate_pieces",),
        )
        if not 0 <= self.ema < 1:
            raise UserError(f"ema={self.ema}: expected at least 0 and less than 1")
        if not 0 <= self.teacher_weight <= 1:
            raise UserError(f"teacher_weight={self.teacher_weight}: expected 0 to 1")
        if not 1 <= self.teacher_keys <= 12:
            raise UserError(f"teacher_keys={self.teacher_keys}: expected 1 to 12")
        if self.teacher_pieces and not self.teacher:
            raise UserError("teacher_pieces wants a teacher: --set teacher=...")
        if not 0 < self.teacher_temperature < float("inf"):
            raise UserError(
                f"teacher_temperature={self.teacher_temperature}: expected more than 0"
            )
        for factor in self.stretches:
            if not isinstance(factor, (int, float)) or isinstance(factor, bool):
                raise UserError(f"stretches={self.stretches}: expected numbers")
        for name in ("transpose", "velocity_shift", "watch_every", "teacher_pieces"):
            if getattr(self, name) < 0:
                raise UserError(f"{name}={getattr(self, name)}: expected at least 0")


def _check_choice(config, name, allowed):
    if getattr(config, name) not in allowed:
        raise UserError(f"{name}={getattr(config, name)!r}: expected one of {allowed}")


def _check_positive(config, names):
    for name in names:
        value = getattr(config, name)
        if value is not None and value < 1:
            raise UserError(f"{name}={value}: expected at least 1")


def to_json(config: ModelConfig | TrainConfig) -> str:
    """The config as JSON text, keys sorted."""
    return json.dumps(dataclasses.asdict(config), indent=2, sort_keys=True)


def from_dict(cls, values: dict):
    """A config from JSON's dict, with lists back to tuples.

    Raises:
        UserError: a key is unknown or missing.
    """
    names = {field.name for field in dataclasses.fields(cls)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise UserError(f"unknown setting {unknown[0]!r}; known: {sorted(names)}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise UserError(f"{cls.__name__}: {error}") from error
