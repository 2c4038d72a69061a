"""Which operators a .tflite file is made of."""

import os

from ai_edge_litert import schema_py_generated as schema

NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items()}


def operators(path: str | os.PathLike) -> set[str]:
    """The names of all operators in all subgraphs of a .tflite."""
    with open(path, "rb") as file:
        model = read_graphs(file.read())
    return {
        operator_name(model, operator)
        for graph in model.subgraphs
        for operator in graph.operators
    }


def read_graphs(content: bytes) -> schema.ModelT:
    """A .tflite file's content as objects."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))


def operator_name(model: schema.ModelT, operator: schema.OperatorT) -> str:
    """As in the schema's list of builtin operators; custom ones with their own name."""
    code = model.operatorCodes[operator.opcodeIndex]
    name = NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    return f"{name} {code.customCode.decode()}" if code.customCode else name


def is_builtin(name: str) -> bool:
    """Whether an operator runs in every interpreter and keeps no state."""
    return not name.startswith(("CUSTOM", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN"))
