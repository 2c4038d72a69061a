"""A MusicDecoder as a SavedModel, for servers: it runs without this package."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmusic.config import to_json
from tfmusic.errors import UserError
from tfmusic.export.inference_model import inference_model
from tfmusic.files import atomic_folder
from tfmusic.models import MusicDecoder
from tfmusic.sampling import DecodeLoop, Sampler
from tfmusic.sampling.grammar_tables import GrammarTables
from tfmusic.sampling.model_generator import continue_primes, draw_uniforms
from tfmusic.tokenizers import PAD, Tokenizer

EXTRA = "assets.extra"  # a folder of a SavedModel that servers leave alone


def save_model(
    model: MusicDecoder,
    path: str | os.PathLike,
    tokenizer: Tokenizer | None = None,
    overwrite: bool = True,
) -> None:
    """Writes a SavedModel; plain `tf.saved_model.load` is enough to run it.

    Signatures, `B` rows and `T` tokens of any number:

    - `serving_default`: `tokens` int32 `[B, T]`, BOS first, to `logits` float32
      `[B, T, V]`, those of every next token. The tokenizer's grammar gives the
      features; without a tokenizer they are inputs, `[B, T]` each.
    - `generate`, with a tokenizer only: `prime` int32 `[B, P]` (without BOS, padded
      with PAD on the right; P may be 0), `length` (most new tokens), `temperature`,
      `top_k`, `top_p` and `seed`, scalars, to `ids` int32 `[B, P + length]`: each
      prime and, right behind it, its new tokens, EOS where the piece ended by
      itself, then PAD.

    `continue_primes` is `DecodeLoop`, that takes uniforms instead of a seed. The
    model's config and the tokenizer are JSON files in `assets.extra/`.

    Args:
        model: also one that was compiled and fit.
        path: the folder to write.
        tokenizer: the one that the model was trained with.
        overwrite: whether to replace a SavedModel that is there.

    Raises:
        UserError: the tokenizer is not the model's, the place is taken or can't be
            written.
    """
    check_place(path, overwrite)
    model = inference_model(model, tokenizer)
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    signatures = {"serving_default": _logits_function(model, tokenizer)}
    texts = {"config.json": to_json(model.config)}
    if tokenizer is not None:
        module.continue_primes = _continue_function(model, tokenizer)
        signatures["generate"] = _generate_function(module.continue_primes)
        texts["tokenizer.json"] = tokenizer.to_json()
    with atomic_folder(path) as temporary:
        tf.saved_model.save(module, temporary, signatures=signatures)
        os.makedirs(os.path.join(temporary, EXTRA))
        for name, text in texts.items():
            with open(os.path.join(temporary, EXTRA, name), "w") as file:
                file.write(text)


def check_place(path: str | os.PathLike, overwrite: bool = True) -> None:
    """Checks that a SavedModel may be written: no other files are ever replaced.

    Raises:
        UserError: something else is there, or a SavedModel and not `overwrite`.
    """
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise UserError(f"{path} exists: give overwrite=True, or another place")
    is_empty = os.path.isdir(path) and not os.listdir(path)
    if not is_empty and not os.path.isfile(os.path.join(path, "saved_model.pb")):
        raise UserError(f"{path} exists and is no SavedModel: choose another place")


def load(path: str | os.PathLike) -> "SavedMusicModel":
    """Reads a SavedModel that `save_model` wrote with a tokenizer.

    Raises:
        UserError: it is not one.
    """
    path = os.fspath(path)
    try:
        with open(os.path.join(path, EXTRA, "tokenizer.json")) as file:
            tokenizer_json = file.read()
        return SavedMusicModel(tf.saved_model.load(path), tokenizer_json)
    except OSError as error:
        raise UserError(
            f"{path} is not a SavedModel with a tokenizer: write one with "
            "python -m tfmusic.export"
        ) from error


class SavedMusicModel:
    """A SavedModel that generates.

    Args:
        loaded: what `tf.saved_model.load` returned.
        tokenizer_json: the tokenizer's JSON text.
    """

    def __init__(self, loaded, tokenizer_json: str):
        self.loaded = loaded
        self.tokenizer_json = tokenizer_json

    def generate(
        self,
        primes: Sequence[np.ndarray],
        num_tokens: int,
        sampler: Sampler | None = None,
        seed: int = 0,
    ) -> list[np.ndarray]:
        """Continues primes: see `ModelGenerator.generate`, whose music is the same."""
        uniforms = draw_uniforms(seed, 0, len(primes), num_tokens)
        return continue_primes(self.loaded.continue_primes, primes, uniforms, sampler)


def _spec(shape, dtype, name):
    return tf.TensorSpec(shape, dtype, name)


def _logits_function(model, tokenizer):
    """`serving_default`."""
    names = model.feature_names
    if tokenizer is None:
        spec = {n: _spec([None, None], tf.int32, n) for n in ("tokens", *names)}
        function = tf.function(
            lambda **inputs: {"logits": model(inputs)}, autograph=False
        )
        return function.get_concrete_function(**spec)
    tables = GrammarTables(tokenizer.grammar, names)

    @tf.function(
        input_signature=[_spec([None, None], tf.int32, "tokens")], autograph=False
    )
    def logits(tokens):
        features = tables.features(tables.states(tokens), tokens) if names else {}
        return {"logits": model({"tokens": tokens, **features})}

    return logits


def _continue_function(model, tokenizer):
    """`DecodeLoop` with every shape open."""
    return tf.function(
        DecodeLoop(model, tokenizer.grammar).__call__,
        input_signature=[
            _spec([None, None], tf.int32, "primes"),
            _spec([None], tf.int32, "lengths"),
            _spec([None, None], tf.float32, "uniforms"),
            _spec([], tf.int32, "num_tokens"),
            _spec([], tf.float32, "temperature"),
            _spec([], tf.int32, "top_k"),
            _spec([], tf.float32, "top_p"),
            _spec([], tf.float32, "min_p"),
            _spec([], tf.float32, "repetition_penalty"),
        ],
        autograph=False,
    )


def _generate_function(continue_primes):
    """`generate`: draws the uniforms from a seed, the same on every device."""

    @tf.function(
        input_signature=[
            _spec([None, None], tf.int32, "prime"),
            _spec([], tf.int32, "length"),
            _spec([], tf.float32, "temperature"),
            _spec([], tf.int32, "top_k"),
            _spec([], tf.float32, "top_p"),
            _spec([], tf.int32, "seed"),
        ],
        autograph=False,
    )
    def generate(prime, length, temperature, top_k, top_p, seed):
        lengths = tf.reduce_sum(tf.cast(prime != PAD, tf.int32), axis=1)  # [B]
        shape = tf.stack([length, tf.shape(prime)[0]])
        # The default algorithm differs between devices, and under XLA.
        uniforms = tf.random.stateless_uniform(
            shape, tf.stack([seed, 0]), alg="philox"
        )  # [length, B]
        ids = continue_primes(
            prime, lengths, uniforms, length, temperature, top_k, top_p, 0.0, 1.0
        )
        return {"ids": ids}

    return generate
