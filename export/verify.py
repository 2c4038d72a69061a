"""Compares what was exported with the checkpoint, and fails loudly."""

import dataclasses
import os

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfmusic.export import runtime, saved_model
from tfmusic.export.inference_model import inference_model
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import BOS, NUM_SPECIAL, Tokenizer

MAX_DIFFERENCE = 1e-4  # of a float32 logit, at every position
MAX_MEAN_KL = 0.01  # nats a token, of a quantized graph on music of its own
NUM_SEQUENCES = 2  # of each kind


class VerificationError(Exception):
    """What was exported is not what was trained."""


@dataclasses.dataclass(frozen=True)
class Drift:
    """How far exported logits are from the checkpoint's.

    Attributes:
        max_difference: largest difference of two logits.
        mean_kl: Kullback-Leibler divergence from the checkpoint's distribution to
            the exported one, nats per token.
        top1_agreement: share of tokens where the likeliest next one is the same.
    """

    max_difference: float
    mean_kl: float
    top1_agreement: float

    def __str__(self):
        return (
            f"largest difference {self.max_difference:.1e}, mean KL "
            f"{self.mean_kl:.1e} nats, top-1 agreement {self.top1_agreement:.3f}"
        )


def measure_drift(expected: np.ndarray, actual: np.ndarray) -> Drift:
    """The drift of logits, both `[T, V]`."""
    expected, actual = expected.astype(np.float64), actual.astype(np.float64)
    log_p, log_q = _log_softmax(expected), _log_softmax(actual)
    return Drift(
        max_difference=float(np.abs(expected - actual).max()),
        mean_kl=float((np.exp(log_p) * (log_p - log_q)).sum(-1).mean()),
        top1_agreement=float((expected.argmax(-1) == actual.argmax(-1)).mean()),
    )


def verify_tflite(
    model: MusicDecoder, tokenizer: Tokenizer, path: str | os.PathLike
) -> dict[str, Drift]:
    """Compares a .tflite, through prefill and decode steps, with the whole model.

    The sequences are random ids, and music that the file itself writes, as long as
    the model's `max_length`.

    Returns:
        The drift on "random" and on "generated" sequences.

    Raises:
        VerificationError: a float32 logit is more than 1e-4 off, a quantized graph's
            mean divergence on generated music is more than 0.01 nats, or there are
            operators that a plain interpreter lacks.
    """
    foreign = sorted(name for name in operators(path) if not is_builtin(name))
    if foreign:
        raise VerificationError(f"{_name(path)} holds the operators {foreign}")
    exported = runtime.load(path)
    drifts = _compare(model, tokenizer, exported.generate, _cached_logits(exported))
    if exported.about["quantization"] == "none":
        _check_equal(path, drifts)
    elif not drifts["generated"].mean_kl <= MAX_MEAN_KL:
        raise VerificationError(
            f"{_name(path)} drifts: {drifts['generated']}; the limit is a mean KL of "
            f"{MAX_MEAN_KL} nats. Export with --quantization=none"
        )
    return drifts


def verify_saved_model(
    model: MusicDecoder, tokenizer: Tokenizer, path: str | os.PathLike
) -> dict[str, Drift]:
    """Compares a SavedModel's `serving_default` with the model.

    Its own music is part of it, so `generate` is known to run.

    Returns:
        The drift on "random" and on "generated" sequences.

    Raises:
        VerificationError: a logit is more than 1e-4 off.
    """
    exported = saved_model.load(path)
    logits = exported.loaded.signatures["serving_default"]
    drifts = _compare(
        model,
        tokenizer,
        exported.generate,
        lambda ids: logits(tokens=np.array([[BOS, *ids]], np.int32))["logits"][0],
    )
    _check_equal(path, drifts)
    return drifts


def operators(path: str | os.PathLike) -> set[str]:
    """The names of all operators in all subgraphs of a .tflite."""
    with open(path, "rb") as file:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read()))
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    found = set()
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            custom = code.customCode
            found.add(f"{name} {custom.decode()}" if custom else name)
    return found


def is_builtin(name: str) -> bool:
    """Whether an operator runs in every interpreter and keeps no state."""
    return not name.startswith(("CUSTOM", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN"))


def _name(path):
    return os.path.basename(os.fspath(path))


def _check_equal(path, drifts):
    for kind, drift in drifts.items():
        if not drift.max_difference <= MAX_DIFFERENCE:
            raise VerificationError(
                f"{_name(path)} is not the model on {kind} ids: {drift}; the limit is "
                f"a difference of {MAX_DIFFERENCE}"
            )


def _compare(model, tokenizer, generate, exported_logits) -> dict[str, Drift]:
    """The drift of `exported_logits(ids)`, `[1 + T, V]`, on both kinds of ids."""
    num_tokens = model.max_length - 1  # and BOS
    size = tokenizer.vocabulary.size
    rng = np.random.default_rng(0)
    sequences = {
        "random": rng.integers(NUM_SPECIAL, size, (NUM_SEQUENCES, num_tokens)),
        "generated": generate([[]] * NUM_SEQUENCES, num_tokens, seed=0),
    }
    drifts = {}
    for kind, pieces in sequences.items():
        expected = [_model_logits(model, tokenizer, ids) for ids in pieces]
        actual = [np.asarray(exported_logits(ids)) for ids in pieces]
        drifts[kind] = measure_drift(np.concatenate(expected), np.concatenate(actual))
    return drifts


def _model_logits(model, tokenizer, ids) -> np.ndarray:
    """float32 `[1 + T, V]`: the whole sequence at once, BOS first."""
    tokens = np.array([BOS, *ids], np.int32)
    features = tokenizer.grammar.features(tokenizer.grammar.states(ids), tokens)
    inputs = {"tokens": tokens, **features}
    names = ("tokens", *model.feature_names)
    batch = {name: inputs[name][np.newaxis] for name in names}
    return inference_model(model)(batch, training=False).numpy()[0]


def _cached_logits(exported: runtime.MusicModel):
    """The same from a .tflite: half of it in chunks, then token by token."""

    def logits(ids):
        grammar, graph = exported.grammar, exported.graph
        tokens, states = [BOS, *ids], [0]
        for token in ids:
            states.append(grammar.next_state[states[-1], token])
        graph.reset()
        pieces = []
        while graph.position < len(tokens):
            in_chunks = graph.position + graph.chunk <= len(tokens) // 2
            count = graph.chunk if in_chunks else 1
            span = slice(graph.position, graph.position + count)
            pieces.append(graph.extend(grammar.inputs(states[span], tokens[span])))
        return np.concatenate(pieces)

    return logits


def _log_softmax(logits):
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
