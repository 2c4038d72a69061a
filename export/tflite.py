"""A MusicDecoder as one .tflite file that is enough to make music."""

import json
import os
import tempfile
import zipfile

import tensorflow as tf

import tfmusic
from tfmusic.config import to_json
from tfmusic.errors import UserError
from tfmusic.export.inference_model import inference_model
from tfmusic.files import atomic_path
from tfmusic.models import MusicDecoder
from tfmusic.tokenizers import Tokenizer

QUANTIZATIONS = ("none", "dynamic_int8")
CHUNK = 64  # tokens that `prefill` takes at once


def convert(
    model: MusicDecoder,
    tokenizer: Tokenizer,
    path: str | os.PathLike,
    quantization: str = "dynamic_int8",
) -> None:
    """Writes a .tflite of builtin operators only, with all that decoding needs.

    Its signatures are `decode` (one token) and `prefill` (a chunk of tokens). Both
    take `tokens` and the model's features `[1, T]`, the `position` (tokens in the
    cache so far) and the cache `cache_<layer>_<index>`, `[1, N, M, H]` each, where
    M may be resized. They return `logits` `[1, T, V]` and the rows that these
    tokens add, `update_<layer>_<index>` `[1, N, T, H]`; whoever runs the graph writes
    them into the cache at `position`. The two share their weights; `decode` is the
    main subgraph.

    The tokenizer's JSON, the model's config and `tfmusic.json` follow the graph as a
    zip archive, which interpreters ignore and any zip reader finds.

    Args:
        model: of any mixers whose cache grows by rows.
        tokenizer: the one that the model was trained with.
        path: the file to write; what is there is replaced at the end.
        quantization: "none" (float32) or "dynamic_int8" (matrices as int8,
            activations quantized as they come).

    Raises:
        UserError: the tokenizer is not the model's, the quantization is unknown, or
            the path can't be written.
    """
    if quantization not in QUANTIZATIONS:
        raise UserError(
            f"quantization {quantization!r}: choose from {', '.join(QUANTIZATIONS)}"
        )
    model = inference_model(model, tokenizer)
    chunk = min(CHUNK, model.max_length)
    graph = _flatbuffer(model, chunk, quantization)
    about = {
        "version": tfmusic.__version__,
        "quantization": quantization,
        "tokenizer": tokenizer.name,
        "tokenizer_hash": tokenizer.hash,
        "features": model.feature_names,
        "chunk": chunk,
        "max_length": model.max_length,
    }
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(graph)
        _append_files(
            temporary,
            {
                "tfmusic.json": json.dumps(about, indent=2, sort_keys=True),
                "tokenizer.json": tokenizer.to_json(),
                "config.json": to_json(model.config),
            },
        )


def _flatbuffer(model, chunk, quantization) -> bytes:
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    signatures = {
        "decode": _extend_function(model, 1),
        "prefill": _extend_function(model, chunk),
    }
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=signatures)
        # The first key becomes the main subgraph.
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(signatures)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization == "dynamic_int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()


def _extend_function(model, count):
    """`model.extend` of `count` tokens on flat, named tensors."""
    cache = model.init_cache(1, 1)
    names = [
        [f"{layer}_{index}" for index in range(len(tensors))]
        for layer, tensors in enumerate(cache)
    ]
    spec = {
        name: tf.TensorSpec([1, count], tf.int32, name)
        for name in ("tokens", *model.feature_names)
    }
    spec["position"] = tf.TensorSpec([], tf.int32, "position")
    for layer, tensors in zip(names, cache, strict=True):
        for name, tensor in zip(layer, tensors, strict=True):
            shape = [*tensor.shape[:-2], None, tensor.shape[-1]]  # [1, N, M, H]
            spec[f"cache_{name}"] = tf.TensorSpec(shape, tf.float32, f"cache_{name}")

    def extend(position, **inputs):
        cache = tuple(
            tuple(inputs.pop(f"cache_{name}") for name in layer) for layer in names
        )
        logits, update = model.extend(inputs, cache, position)
        rows = {
            f"update_{name}": tensor
            for layer, tensors in zip(names, update, strict=True)
            for name, tensor in zip(layer, tensors, strict=True)
        }
        return {"logits": logits, **rows}

    return tf.function(extend, autograph=False).get_concrete_function(**spec)


def _append_files(path, texts):
    """Appends a zip archive, the same bytes at any time of day."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
