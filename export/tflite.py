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
    cache so far) and the cache's tensors `cache_<layer>_<index>`. They return `logits`
    `[1, T, V]` and, for each tensor of the cache, `update_<layer>_<index>`. Of "rows"
    `[.., M, H]`, where M may be resized, the update `[.., T, H]` is what these tokens
    add; whoever runs the graph writes it into the cache at `position`. Of a "state",
    which is zeros before the first token, it is the new value. The two signatures
    share their weights; `decode` is the main subgraph.

    The tokenizer's JSON, the model's config and `tfmusic.json`, which says the kinds
    of the cache's tensors, follow the graph as a zip archive, which interpreters
    ignore and any zip reader finds.

    Args:
        model: of any mixers.
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
        "cache": _cache_kinds(model),
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


def _cache_kinds(model) -> dict[str, str]:
    """The cache's tensors by name, "<layer>_<index>", and what they are."""
    return {
        f"{layer}_{index}": kind
        for layer, kinds in enumerate(model.cache_kinds)
        for index, kind in enumerate(kinds)
    }


def _extend_function(model, count):
    """`model.extend` of `count` tokens on flat, named tensors."""
    cache = model.init_cache(1, 1)
    kinds = _cache_kinds(model)
    names = list(kinds)
    spec = {
        name: tf.TensorSpec([1, count], tf.int32, name)
        for name in ("tokens", *model.feature_names)
    }
    spec["position"] = tf.TensorSpec([], tf.int32, "position")
    for name, tensor in zip(names, tf.nest.flatten(cache), strict=True):
        shape = list(tensor.shape)
        if kinds[name] == "rows":
            shape[-2] = None  # M
        spec[f"cache_{name}"] = tf.TensorSpec(shape, tensor.dtype, f"cache_{name}")

    def extend(position, **inputs):
        flat = [inputs.pop(f"cache_{name}") for name in names]
        cache = tf.nest.pack_sequence_as(model.cache_kinds, flat)
        logits, update = model.extend(inputs, cache, position)
        updates = {
            f"update_{name}": tensor
            for name, tensor in zip(names, tf.nest.flatten(update), strict=True)
        }
        return {"logits": logits, **updates}

    return tf.function(extend, autograph=False).get_concrete_function(**spec)


def _append_files(path, texts):
    """Appends a zip archive, the same bytes at any time of day."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
