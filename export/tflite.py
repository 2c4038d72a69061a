"""A model as one .tflite file that is enough to make music."""

import json
import os
import tempfile
import zipfile
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

import tfmusic
from tfmusic.config import to_json
from tfmusic.errors import UserError
from tfmusic.export import quantization as quantizing
from tfmusic.export.calibration import calibration_samples
from tfmusic.export.decode_signatures import cache_kinds, extend_function
from tfmusic.export.inference_model import device_model
from tfmusic.export.infill_signature import infill_function, infill_samples
from tfmusic.export.quantization import QUANTIZATIONS
from tfmusic.files import atomic_path
from tfmusic.models.music_transformer import MusicTransformer
from tfmusic.tokenizers import Tokenizer

CHUNK = 64  # tokens that `prefill` takes at once


def convert(
    model: MusicTransformer,
    tokenizer: Tokenizer,
    path: str | os.PathLike,
    quantization: str = "dynamic_int8",
    music: Sequence[np.ndarray] = (),
    data_license: str = "",
    chunk: int | None = None,
) -> None:
    """Writes a .tflite of builtin operators only, with all that decoding needs.

    A decoder's signatures are `decode` (one token) and `prefill` (a chunk of tokens).
    Both take `tokens` and the model's features `[1, T]`, the `position` (tokens in the
    cache so far) and the cache's tensors `cache_<layer>_<index>`. They return `logits`
    `[1, T, V]` and, for each tensor of the cache, `update_<layer>_<index>`. Of "rows"
    `[.., M, H]`, where M may be resized, the update `[.., T, H]` is what these tokens
    add; whoever runs the graph writes it into the cache at `position`. Of a "state",
    which is zeros before the first token, it is the new value. The two signatures
    share their weights; `decode` is the main subgraph.

    An infiller's signature is `infill`: `tokens`, PAD where they are unknown, and the
    model's features, `[1, max_length]`, to the `logits` `[1, max_length, V]` of every
    cell.

    The tokenizer's JSON, the model's config and `tfmusic.json`, which says the kind of
    the model and the kinds of the cache's tensors, follow the graph as a zip archive,
    which interpreters ignore and any zip reader finds.

    Args:
        model: a decoder or an infiller, of any mixers but "reformer".
        tokenizer: the one that the model was trained with.
        path: the file to write; what is there is replaced at the end.
        quantization: one of `QUANTIZATIONS`, see `tfmusic.export.quantization`.
        music: ids of pieces without BOS, from which "int8" learns the range of every
            number in the graph.
        data_license: of what the model was trained on, one line.
        chunk: tokens that a decoder's `prefill` takes, by default 64. 1 leaves it out,
            which saves memory, as interpreters keep packed weights for each signature;
            a prime is then read token by token.

    Raises:
        UserError: the tokenizer is not the model's, a mixer can't be had of builtin
            operators, the quantization is unknown or can't be had, or the path can't
            be written.
    """
    if quantization not in QUANTIZATIONS:
        raise UserError(
            f"quantization {quantization!r}: choose from {', '.join(QUANTIZATIONS)}"
        )
    if quantization == "int8" and not any(len(ids) for ids in music):
        raise UserError("int8 needs music to calibrate with: give pieces that have ids")
    config = model.config
    model = device_model(model, tokenizer, integers=quantization == "int8")
    chunk = min(chunk or CHUNK, model.max_length)
    with quantizing.tracing(quantization):
        if model.causal:
            functions = {"decode": extend_function(model, 1)}
        else:
            functions = {"infill": infill_function(model)}
        if model.causal and chunk > 1:
            functions["prefill"] = extend_function(model, chunk)

    def samples():
        if model.causal:
            return calibration_samples(model, tokenizer, functions, music)
        return infill_samples(model, tokenizer, music)

    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=functions)
        graph = quantizing.flatbuffer(folder, list(functions), quantization, samples)
    about = {
        "version": tfmusic.__version__,
        "kind": model.kind,
        "quantization": quantization,
        "tokenizer": tokenizer.name,
        "tokenizer_hash": tokenizer.hash,
        "features": model.feature_names,
        "max_length": model.max_length,
        "data_license": data_license,
    }
    if model.causal:
        about |= {"cache": cache_kinds(model), "chunk": chunk}
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(graph)
        _append_files(
            temporary,
            {
                "tfmusic.json": json.dumps(about, indent=2, sort_keys=True),
                "tokenizer.json": tokenizer.to_json(),
                "config.json": to_json(config),
            },
        )


def _append_files(path, texts):
    """Appends a zip archive, the same bytes at any time of day."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
