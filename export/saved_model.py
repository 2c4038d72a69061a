"""A model as a SavedModel, for servers: it runs without this package."""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfmusic.config import to_json
from tfmusic.errors import UserError
from tfmusic.export import warmup
from tfmusic.export.inference_model import inference_model
from tfmusic.export.signatures import TokenSignatures, logits_from_features
from tfmusic.files import atomic_folder
from tfmusic.models.music_transformer import MusicTransformer
from tfmusic.sampling import Sampler
from tfmusic.sampling.model_generator import continue_primes, draw_uniforms
from tfmusic.tokenizers import Tokenizer

EXTRA = "assets.extra"  # a folder of a SavedModel that servers leave alone


def save_model(
    model: MusicTransformer,
    path: str | os.PathLike,
    tokenizer: Tokenizer | None = None,
    overwrite: bool = True,
) -> None:
    """Writes a SavedModel; plain `tf.saved_model.load` is enough to run it.

    Signatures of a decoder, `B` rows and `T` tokens of any number:

    - `serving_default`: `tokens` int32 `[B, T]`, BOS first, to `logits` float32
      `[B, T, V]`, those of every next token. The tokenizer's grammar gives the
      features; without a tokenizer they are inputs, `[B, T]` each.
    - `score`, with a tokenizer only: `ids` int32 `[B, T]` (without BOS, padded with
      PAD on the right; EOS may end them) to `nats` float32 `[B, T]`, those of each
      id given the ones before it, and 0 at PAD.
    - `generate`, with a tokenizer only: `prime` int32 `[B, P]` (without BOS, padded
      with PAD on the right; P may be 0), `length` (most new tokens), `temperature`,
      `top_k`, `top_p` and `seed`, scalars, to `ids` int32 `[B, P + length]`: each
      prime and, right behind it, its new tokens, EOS where the piece ended by
      itself, then PAD.

    An infiller has `serving_default` alone: `tokens` and features, int32 `[B, T]`
    each, to `logits` float32 `[B, T, V]` of every cell. T is the model's
    `max_length`, as its windows are always that long.

    `continue_primes` is `DecodeLoop`, that takes uniforms instead of a seed. The
    model's config and the tokenizer are JSON files in `assets.extra/`, beside a
    request for each signature with which TensorFlow Serving warms up.

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
    texts = {"config.json": to_json(model.config)}
    if tokenizer is not None:
        texts["tokenizer.json"] = tokenizer.to_json()
    if not model.causal:
        signatures = {"serving_default": logits_from_features(model, model.max_length)}
    elif tokenizer is None:
        signatures = {"serving_default": logits_from_features(model)}
    else:
        functions = TokenSignatures(model, tokenizer)
        module.continue_primes = functions.continue_primes
        signatures = functions.concrete_functions()
    requests = {
        name: warmup.example_inputs(
            tf.nest.flatten(function.structured_input_signature)
        )
        for name, function in signatures.items()
    }
    with atomic_folder(path) as temporary:
        tf.saved_model.save(module, temporary, signatures=signatures)
        extra = os.path.join(temporary, EXTRA)
        os.makedirs(extra)
        warmup.write_requests(extra, requests)
        for name, text in texts.items():
            with open(os.path.join(extra, name), "w", encoding="utf-8") as file:
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
    """Reads the SavedModel of a decoder that `save_model` wrote with its tokenizer.

    Raises:
        UserError: it is not one.
    """
    path = os.fspath(path)
    try:
        with open(
            os.path.join(path, EXTRA, "tokenizer.json"), encoding="utf-8"
        ) as file:
            tokenizer_json = file.read()
        loaded = tf.saved_model.load(path)
    except OSError as error:
        raise UserError(
            f"{path} is not a SavedModel with a tokenizer: write one with "
            "python -m tfmusic.export"
        ) from error
    if not hasattr(loaded, "continue_primes"):
        raise UserError(f"{path} holds an infiller, which can't continue music")
    return SavedMusicModel(loaded, tokenizer_json)


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
