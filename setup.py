"""Packaging: names, version ranges, and where the packages lie in a checkout."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (ROOT / "tfmusic" / "__init__.py").read_text(encoding="utf-8"),
    re.M,
).group(1)

# TensorFlow and Keras stay within the minor versions that were measured: graphs,
# quantization and tf.distribute change between them.
TENSORFLOW = ">=2.21,<2.22"
QUANTIZER = "ai-edge-quantizer>=0.10,<0.11"  # it names one version of ai-edge-litert

setup(
    name="tfmusic",
    version=VERSION,
    description="Symbolic music with transformers, from training to a phone",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The tfmusic authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    # datasets/ and export/ stand at the checkout's root without an __init__.py, so
    # that this checkout does not shadow another package called `datasets`.
    packages=find_packages(include=["tfmusic", "tfmusic.*"])
    + ["tfmusic.datasets", "tfmusic.export"],
    package_dir={"tfmusic.datasets": "datasets", "tfmusic.export": "export"},
    package_data={"tfmusic": ["weights/*/*", "weights/*/best/*"]},
    python_requires=">=3.11,<3.14",
    install_requires=[
        f"tensorflow{TENSORFLOW}",
        "keras>=3.15,<3.16",
        "numpy>=2.1,<3",
        "note-seq>=0.0.5,<0.1",
        "tensorflow-datasets>=4.9.10,<4.10",
        "absl-py>=2.3,<3",
        "music21>=10.5,<11",
        "ai-edge-litert>=2.3,<3",
        "matplotlib>=3.11,<4",
        # pydub, which note-seq imports, needs a module that Python 3.13 dropped.
        "audioop-lts>=0.2; python_version >= '3.13'",
    ],
    extras_require={
        "gpu": [f"tensorflow[and-cuda]{TENSORFLOW}"],
        "beam": ["apache-beam"],
        "quantize": [QUANTIZER],
        # The TensorFlow Lite C library, for export/cc and its tests on Linux.
        "cc": ["pymicro-wakeword>=2.5,<3"],
        "dev": [
            "pytest>=9,<10",
            "pytest-xdist>=3.8,<4",
            "hypothesis>=6.100,<7",
            "ruff>=0.17,<0.18",  # the next one may format otherwise
            "setuptools>=77",  # the tests build a wheel without a network
            QUANTIZER,
        ],
    },
)
