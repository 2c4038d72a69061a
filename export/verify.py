"""Compares what was exported with the checkpoint, and fails loudly."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmusic.export import runtime, saved_model
from tfmusic.export.drift import Drift, measure_drift
from tfmusic.export.inference_model import inference_model
from tfmusic.export.masked_windows import masked_windows, random_pieces
from tfmusic.export.operators import is_builtin, operators
from tfmusic.models.music_transformer import MusicTransformer
from tfmusic.tokenizers import BOS, NUM_SPECIAL, Tokenizer

MAX_DIFFERENCE = 5e-5  # of a float32 file's log-probability, at every position


class VerificationError(Exception):
    """What was exported is not what was trained."""


@dataclasses.dataclass(frozen=True)
class Limit:
    """How far a quantized file may be from the checkpoint, on music.

    Attributes:
        mean_kl: nats a token.
        nats_change: of held-out music's nats per token, by which it must have
            changed for certain: by twice the standard error more.
    """

    mean_kl: float
    nats_change: float


LIMITS = {
    "float16": Limit(1e-5, 5e-4),
    "dynamic_int8": Limit(1e-3, 0.005),
    "mixed_int4": Limit(0.02, 0.02),
    "int8": Limit(0.02, 0.02),
}


def verify_tflite(
    model: MusicTransformer,
    tokenizer: Tokenizer,
    path: str | os.PathLike,
    held_out: Sequence[np.ndarray] = (),
) -> dict[str, Drift]:
    """Compares a .tflite with the model.

    A decoder's goes through prefill and decode steps, an infiller's through windows of
    which any number of cells are masked, as in training; those cells' logits count.

    Args:
        held_out: ids of real pieces, without BOS.

    Returns:
        The drift on "held_out" music, where there is some; on "generated" music, that
        a decoder's file itself writes, as long as the model's `max_length`; and on
        "random" ids, but not of a quantized file where other music is at hand.

    Raises:
        VerificationError: a float32 file's log-probability is more than 5e-5 off, a
            quantized one has drifted past its limit on held-out music (else on its
            own), there are operators that a plain interpreter lacks, or it refuses
            to run the file.
    """
    check_operators(path)
    exported = (runtime.load if model.causal else runtime.load_infiller)(path)
    quantization = exported.about["quantization"]
    try:
        if model.causal:
            sequences = _sequences(model, tokenizer, exported.generate, held_out)
            if quantization in LIMITS:
                del sequences["random"]
            drifts = _compare(model, tokenizer, sequences, _cached_logits(exported))
        else:
            drifts = _window_drifts(model, tokenizer, held_out, exported.logits)
            if quantization in LIMITS and "held_out" in drifts:
                del drifts["random"]
    except RuntimeError as error:
        raise VerificationError(
            f"{_name(path)} does not run as {quantization} "
            f"({str(error).splitlines()[0]}): export with another --quantization"
        ) from error
    check_drifts(path, drifts, quantization)
    return drifts


def verify_saved_model(
    model: MusicTransformer,
    tokenizer: Tokenizer,
    path: str | os.PathLike,
    held_out: Sequence[np.ndarray] = (),
) -> dict[str, Drift]:
    """Compares a SavedModel's `serving_default` with the model.

    A decoder's own music is part of it, so `generate` is known to run. Arguments and
    drifts are those of `verify_tflite`.

    Raises:
        VerificationError: a log-probability is more than 5e-5 off.
    """
    if not model.causal:
        function = tf.saved_model.load(path).signatures["serving_default"]
        drifts = _window_drifts(
            model,
            tokenizer,
            held_out,
            lambda inputs: function(**inputs)["logits"].numpy()[0],
        )
        check_drifts(path, drifts)
        return drifts
    exported = saved_model.load(path)
    logits = exported.loaded.signatures["serving_default"]
    drifts = _compare(
        model,
        tokenizer,
        _sequences(model, tokenizer, exported.generate, held_out),
        lambda ids: logits(tokens=np.array([[BOS, *ids]], np.int32))["logits"][0],
    )
    check_drifts(path, drifts)
    return drifts


def check_operators(path: str | os.PathLike) -> None:
    """Raises a VerificationError where a plain interpreter lacks an operator."""
    foreign = sorted(name for name in operators(path) if not is_builtin(name))
    if foreign:
        raise VerificationError(f"{_name(path)} holds the operators {foreign}")


def check_drifts(
    path: str | os.PathLike, drifts: dict[str, Drift], quantization: str = "none"
) -> None:
    """Raises a VerificationError that names the limit where one is passed."""
    if quantization not in LIMITS:
        for kind, drift in drifts.items():
            if not drift.max_difference <= MAX_DIFFERENCE:
                raise VerificationError(
                    f"{_name(path)} is not the model on {kind} ids: {drift}; the limit "
                    f"is a difference of {MAX_DIFFERENCE} of a log-probability"
                )
        return
    kind = next(kind for kind in ("held_out", "generated", "random") if kind in drifts)
    drift, limit = drifts[kind], LIMITS[quantization]
    passed = []
    if not drift.mean_kl <= limit.mean_kl:
        passed.append(f"a mean KL of {limit.mean_kl} nats")
    certain = drift.nats_change - 2 * drift.nats_error
    if kind == "held_out" and not certain <= limit.nats_change:
        passed.append(f"{limit.nats_change} nats per token")
    if passed:
        raise VerificationError(
            f"{_name(path)} drifts on {kind} music: {drift}; the limit of "
            f"{quantization} is {' and '.join(passed)}. Export with another "
            "--quantization; none never drifts"
        )


def _name(path):
    return os.path.basename(os.fspath(path))


def _sequences(model, tokenizer, generate, held_out) -> dict[str, list[np.ndarray]]:
    """The ids to compare on, for each kind of them, as long as fits beside BOS."""
    num_tokens = model.max_length - 1
    size = tokenizer.vocabulary.size
    random = np.random.default_rng(0).integers(NUM_SPECIAL, size, num_tokens)
    sequences = {"random": [random], "generated": generate([[]], num_tokens, seed=0)}
    if any(len(ids) for ids in held_out):
        sequences["held_out"] = [ids[:num_tokens] for ids in held_out if len(ids)]
    return sequences


def _compare(model, tokenizer, sequences, exported_logits) -> dict[str, Drift]:
    """The drift of `exported_logits(ids)`, `[1 + T, V]`, on each kind of ids."""
    drifts = {}
    for kind, pieces in sequences.items():
        expected = [_model_logits(model, tokenizer, ids) for ids in pieces]
        actual = [np.asarray(exported_logits(ids)) for ids in pieces]
        drifts[kind] = measure_drift(expected, actual, pieces)
    return drifts


def _window_drifts(model, tokenizer, held_out, exported_logits) -> dict[str, Drift]:
    """The drift of `exported_logits(inputs)`, `[T, V]`, at cells that are masked."""
    pieces = {"random": random_pieces(model, tokenizer)}
    if any(len(ids) for ids in held_out):
        pieces["held_out"] = held_out
    model, drifts = inference_model(model), {}
    for kind, music in pieces.items():
        windows = masked_windows(model, tokenizer, music)
        expected = [
            model(window.inputs, training=False).numpy()[0, window.is_masked]
            for window in windows
        ]
        actual = [
            exported_logits(window.inputs)[window.is_masked] for window in windows
        ]
        drifts[kind] = measure_drift(expected, actual, [w.ids for w in windows])
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
