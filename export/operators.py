"""Which operators a .tflite file holds."""

import os

from ai_edge_litert import schema_py_generated as schema

from tfmusic.export.integer_graph import operator_name


def operators(path: str | os.PathLike) -> set[str]:
    """The names of all operators in all subgraphs of a .tflite."""
    with open(path, "rb") as file:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read()))
    found = set()
    for graph in model.subgraphs:
        for operator in graph.operators:
            name = operator_name(model, operator)
            custom = model.operatorCodes[operator.opcodeIndex].customCode
            found.add(f"{name} {custom.decode()}" if custom else name)
    return found


def is_builtin(name: str) -> bool:
    """Whether an operator runs in every interpreter and keeps no state."""
    return not name.startswith(("CUSTOM", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN"))
