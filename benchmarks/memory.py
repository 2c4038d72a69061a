"""The memory of this process, as Linux counts it."""

import ctypes
import gc
import re
from pathlib import Path

import tensorflow as tf


class PeakMemory:
    """The most memory that was in use since `restart`, beyond what was before all.

    Of what a process took and gave back, the allocator keeps a part and Linux remembers
    the peak. So the free memory is returned first and the peak is forgotten then:
    compiling does not count, and what a step does with memory kept from it does.
    """

    def __init__(self):
        # What TensorFlow takes for itself at its first operation is no one's.
        tf.function(lambda: tf.zeros([]), jit_compile=True)()
        self._before = self.restart()

    def restart(self) -> int:
        """Forgets the peak so far; returns the bytes in use."""
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")

    def peak(self) -> int:
        """Bytes."""
        return _status("VmHWM") - self._before


def resident_megabytes() -> float:
    """What this process has in memory now."""
    gc.collect()
    return _status("VmRSS") / 1e6


def _status(name):
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024
