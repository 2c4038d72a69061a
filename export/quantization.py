"""From a float32 SavedModel to a TFLite graph in fewer bits."""

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from tfmusic.errors import UserError
from tfmusic.export.integer_graph import integers_only
from tfmusic.export.operators import operator_name, read_graphs
from tfmusic.layers import masks
from tfmusic.layers.row_products import elementwise_products
from tfmusic.quiet import silent_libraries

QUANTIZATIONS = ("none", "float16", "dynamic_int8", "mixed_int4", "int8")

# Of an integer graph: far enough below any logit for a weight of zero in 8 bits, and
# near enough to leave the others room.
INTEGER_MASK = -20.0

# A signature's name and its inputs by name.
Samples = Iterable[tuple[str, dict[str, np.ndarray]]]


def tracing(quantization: str):
    """The context in which a graph that will be quantized so has to be traced."""
    if quantization == "int8":
        # Products are no matrix products' sums here: each would be rounded to 8 bits.
        return masks.masked_as(INTEGER_MASK)
    return elementwise_products()


def flatbuffer(
    folder: str,
    signature_keys: Sequence[str],
    quantization: str,
    samples: Callable[[], Samples] | None = None,
) -> bytes:
    """Converts a SavedModel's signatures, which share their weights.

    Args:
        folder: the SavedModel's.
        signature_keys: the first becomes the main subgraph.
        quantization:
            "none": float32.
            "float16": weights in half the bits, made float32 when the file is loaded.
            "dynamic_int8": matrices as int8, activations quantized as they come.
            "mixed_int4": dense layers' matrices as int4, in blocks of 32 weights, all
            other matrices as int8.
            "int8": integers alone, inputs and outputs too.
        samples: makes real inputs, for "int8" only.

    Returns:
        The .tflite file's content.

    Raises:
        UserError: the extra `quantize` is missing, or an operator has no integer form.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        folder, signature_keys=list(signature_keys)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantization in ("float16", "dynamic_int8", "int8"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantization == "int8":
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    with silent_libraries(), warnings.catch_warnings():
        # Of TensorFlow's own calibration, which runs its old interpreter.
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
        try:
            content = converter.convert()
        except RuntimeError as error:
            raise UserError(
                f"{quantization}: TensorFlow can't make it of this model "
                f"({str(error).splitlines()[0]}): choose another quantization"
            ) from error
    if quantization == "int8":
        return integers_only(content)
    return _mixed_int4(content) if quantization == "mixed_int4" else content


def _mixed_int4(content: bytes) -> bytes:
    try:
        from ai_edge_quantizer import algorithm_manager, qtyping, quantizer
        from ai_edge_quantizer import recipe_manager as recipes
    except ImportError as error:
        raise UserError(
            "mixed_int4 needs ai-edge-quantizer: pip install 'tfmusic[quantize]'"
        ) from error
    # Its recipes for int4 pass over products of batches, so two are mixed.
    recipe = recipes.RecipeManager()
    operation = qtyping.TFLOperationName
    recipe.add_dynamic_config(".*", operation.BATCH_MATMUL, num_bits=8)
    for name in _constant_on_the_left(content):  # which interpreters refuse as int8
        recipe.add_quantization_config(
            re.escape(name),
            operation.BATCH_MATMUL,
            algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE,
        )
    recipe.add_dynamic_config(
        ".*",
        operation.FULLY_CONNECTED,
        num_bits=4,
        granularity=qtyping.QuantGranularity.BLOCKWISE_32,
    )
    with silent_libraries(), contextlib.redirect_stdout(io.StringIO()):
        quantizing = quantizer.Quantizer(
            bytearray(content), recipe.get_quantization_recipe()
        )
        try:
            return bytes(quantizing.quantize().quantized_model)
        except ValueError as error:
            raise UserError(
                "mixed_int4: sizes of matrices must be multiples of 32 "
                f"({str(error).splitlines()[0]}): choose another quantization"
            ) from error


def _constant_on_the_left(content: bytes) -> set[str]:
    """The outputs of batches' products whose first factor is a constant."""
    model = read_graphs(content)
    return {
        graph.tensors[operator.outputs[0]].name.decode()
        for graph in model.subgraphs
        for operator in graph.operators
        if operator_name(model, operator) == "BATCH_MATMUL"
        and model.buffers[graph.tensors[operator.inputs[0]].buffer].data is not None
    }
