"""What XLA's operations take on a CPU, traced by TensorFlow's profiler."""

import dataclasses
import glob
import tempfile

CONTROL = {"while", "call", "conditional"}  # hold other operations


@dataclasses.dataclass
class Operation:
    """All calls of one operation of a compiled function.

    Attributes:
        is_product: whether it multiplies matrices, alone or among others.
        calls: how often it ran.
        milliseconds: of all calls.
    """

    is_product: bool
    calls: int = 0
    milliseconds: float = 0.0


def traced(step) -> dict[str, Operation]:
    """The operations of one call of a function, by name.

    Args:
        step: calls functions that were compiled before, and waits for their results.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        step()
        tf.profiler.experimental.stop()
        (path,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
        with open(path, "rb") as file:
            space = XSpace.FromString(file.read())
    kinds = _kinds(space)
    found: dict[str, Operation] = {}
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            stats = {plane.stat_metadata[stat.metadata_id].name for stat in event.stats}
            name = plane.event_metadata[event.metadata_id].name
            if "hlo_op" not in stats or kinds[name] & CONTROL:
                continue
            operation = found.setdefault(name, Operation("dot" in kinds[name]))
            operation.calls += 1
            operation.milliseconds += event.duration_ps / 1e9
    return found


def _kinds(space):
    """What operations do, by name: HLO's opcodes, those that are fused included."""
    from tensorflow.compiler.xla.service.hlo_pb2 import HloProto

    kinds = {}
    entries = (each for plane in space.planes for each in plane.event_metadata.values())
    for program in (stat for entry in entries for stat in entry.stats):
        parts = HloProto.FromString(program.bytes_value).hlo_module.computations
        opcodes = {
            part.id: {each.opcode for each in part.instructions} for part in parts
        }
        for each in (each for part in parts for each in part.instructions):
            kinds[each.name] = {each.opcode}
            if each.opcode == "fusion":
                kinds[each.name].update(*map(opcodes.get, each.called_computation_ids))
    return kinds
