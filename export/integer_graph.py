"""What TensorFlow's converter leaves in float32 of an integer graph, as integers."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfmusic.errors import UserError
from tfmusic.export.operators import operator_name, read_graphs


def integers_only(content: bytes) -> bytes:
    """A .tflite of operators that compute with integers alone.

    NEG has no integer form, so the converter puts DEQUANTIZE and QUANTIZE around it;
    each such three become a product with -1, which has one.

    Args:
        content: a .tflite file's, quantized with int8 inputs and outputs.

    Raises:
        UserError: another operator has remained in float32.
    """
    model = read_graphs(content)
    for graph in model.subgraphs:
        _multiply_where_negated(model, graph)
        _check_no_floats(model, graph)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _multiply_where_negated(model, graph):
    makers = {op.outputs[0]: op for op in graph.operators if len(op.outputs)}
    replaced = set()  # outputs of what is left out
    minus_one = None
    for operator in graph.operators:
        if operator_name(model, operator) != "QUANTIZE":
            continue
        negation = makers.get(operator.inputs[0])
        if negation is None or operator_name(model, negation) != "NEG":
            continue
        dequantization = makers[negation.inputs[0]]
        if minus_one is None:
            minus_one = _add_minus_one(model, graph)
        operator.opcodeIndex = _multiplication(model)
        operator.inputs = np.array([dequantization.inputs[0], minus_one], np.int32)
        operator.builtinOptionsType = schema.BuiltinOptions.MulOptions
        operator.builtinOptions = schema.MulOptionsT()
        replaced |= {negation.outputs[0], dequantization.outputs[0]}
    for _ in range(2):  # without the NEG nobody may read its DEQUANTIZE
        read = {index for op in graph.operators for index in op.inputs}
        read |= set(graph.outputs)
        graph.operators = [
            op
            for op in graph.operators
            if {*op.outputs} - replaced | {*op.outputs} & read
        ]


def _multiplication(model):
    """The index of the operator code of int8 MUL."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == schema.BuiltinOperator.MUL:
            code.version = max(code.version, 2)  # since which it takes int8
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MUL
    code.version = 2
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _add_minus_one(model, graph):
    """The index of a new constant: -127 in steps of 1/127."""
    buffer = schema.BufferT()
    buffer.data = np.array([-127], np.int8).view(np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.name = b"minus_one"
    tensor.shape = np.array([], np.int32)
    tensor.type = schema.TensorType.INT8
    tensor.buffer = len(model.buffers) - 1
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = np.array([1 / 127], np.float32)
    tensor.quantization.zeroPoint = np.array([0], np.int64)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _check_no_floats(model, graph):
    left = {
        operator_name(model, operator)
        for operator in graph.operators
        for index in [*operator.inputs, *operator.outputs]
        if index >= 0 and graph.tensors[index].type == schema.TensorType.FLOAT32
    }
    left = sorted(left - {"QUANTIZE", "DEQUANTIZE"}) or sorted(left)
    if left:
        raise UserError(
            f"int8: this model's {', '.join(left)} have no form in integers: choose "
            "another quantization"
        )
